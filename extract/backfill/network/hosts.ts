import { openHost, usualLimits, type Host, type HostLimits } from './host.ts';

/** Every host that is asked, by its name; those that rest are forgotten where there are many. */
export interface Hosts {
  get(name: string): Host;
  readonly size: number;
}

export function openHosts({
  limits = usualLimits,
  maxKept = 5_000,
  now = Date.now,
}: { limits?: HostLimits; maxKept?: number; now?: () => number } = {}): Hosts {
  const hosts = new Map<string, Host>();
  return {
    get(name) {
      let host = hosts.get(name);
      if (host === undefined) {
        if (hosts.size >= maxKept) for (const [other, { idle }] of hosts) if (idle) hosts.delete(other);
        host = openHost(limits, now);
        hosts.set(name, host);
      }
      return host;
    },
    get size() {
      return hosts.size;
    },
  };
}
