import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type { Lake } from '../../lake/index.ts';
import { FeedtrialError } from '../errors/index.ts';
import { isAlive } from '../runs/index.ts';
import { cycleErrors } from './errors.ts';

/** Who does a job that must not run twice at once, as `leases/<name>.json` of the lake says. */
export interface LeaseHolder {
  runId: string;
  host: string;
  pid: number;
  /** Drawn once a process: a process id comes again, in a container with every start. */
  process: string;
  /** When it was taken, and when its holder last said that it lives; milliseconds UTC. */
  takenMs: number;
  renewedMs: number;
}

export interface Lease {
  /** The dead holder whose lease this was; null where it was free. */
  readonly takenOverFrom: LeaseHolder | null;
  release(): Promise<void>;
}

export interface LeaseOptions {
  lake: Lake;
  /** Such as 'cycle'. */
  name: string;
  runId: string;
  now?: () => number;
  host?: string;
  alive?: (pid: number) => boolean;
  renewEveryMs?: number;
  /** A holder on another machine counts as dead when it has been silent for this long. */
  silentForMs?: number;
  /** One on this machine whose process id still is somebody's, when it has been silent for this long. */
  silentHereForMs?: number;
}

const thisProcess = randomUUID();

const parse = (bytes: Uint8Array): LeaseHolder | null => {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as LeaseHolder;
  } catch {
    return null; // cut off by a full disk, say: nobody can be found by it
  }
};

/**
 * Takes a lease or says who has it. Holders renew it every minute. Of one on this machine its process id tells whether it
 * lives, unless another process has that id by now: after an hour of silence it is taken for dead. One on another machine
 * is after ten minutes.
 * @throws FeedtrialError FT_CYCLE_HELD
 */
export async function takeLease(options: LeaseOptions): Promise<Lease> {
  const { lake, name, runId, now = Date.now, host = os.hostname(), alive = isAlive } = options;
  const { renewEveryMs = 60_000, silentForMs = 600_000, silentHereForMs = 3_600_000 } = options;
  const file = `leases/${name}.json`;
  const mine: LeaseHolder = {
    runId,
    host,
    pid: process.pid,
    process: thisProcess,
    takenMs: now(),
    renewedMs: now(),
  };
  const lives = (holder: LeaseHolder): boolean => {
    const silentMs = now() - holder.renewedMs;
    if (holder.host !== host) return silentMs < silentForMs;
    if (holder.pid === process.pid) return holder.process === thisProcess;
    return silentMs < silentHereForMs && alive(holder.pid);
  };
  const refuse = (holder: LeaseHolder | null) =>
    cycleErrors.held(
      name,
      holder === null
        ? 'one that has only just begun'
        : `process ${holder.pid} on ${holder.host}, since ${new Date(holder.takenMs).toISOString()}`,
    );

  let takenOverFrom: LeaseHolder | null = null;
  if (!(await lake.create(file, JSON.stringify(mine)))) {
    const found = await lake.read(file);
    takenOverFrom = found === null ? null : parse(found);
    if (takenOverFrom !== null && lives(takenOverFrom)) throw refuse(takenOverFrom);
    try {
      await lake.swap(file, found, JSON.stringify(mine));
    } catch (error) {
      if (!(error instanceof FeedtrialError && error.code === 'FT_LAKE_POINTER_RACED')) throw error;
      const winner = await lake.read(file);
      throw refuse(winner === null ? null : parse(winner));
    }
  }

  const isMine = async (): Promise<boolean> => {
    const found = await lake.read(file);
    return found !== null && parse(found)?.runId === runId;
  };
  const renewal = setInterval(() => {
    mine.renewedMs = now();
    void isMine()
      .then((still) => (still ? lake.write(file, JSON.stringify(mine)) : undefined))
      .catch(() => undefined); // the next minute tries again; ten are needed to lose it
  }, renewEveryMs);
  renewal.unref();
  return {
    takenOverFrom,
    async release() {
      clearInterval(renewal);
      if (await isMine()) await lake.remove(file);
    },
  };
}
