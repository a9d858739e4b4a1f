export interface ServerStatus {
  url: string;
  up: boolean;
  /** Generation that it serves; null where it serves none or doesn't say. */
  generation: string | null;
  /** Why it counts as down, or is up and not ready. */
  reason: string | null;
}

const timeoutMs = 1_000;

/** Asks the feed server on the configured port whether it is there and what it serves; waits at most a second each. */
export async function probeServer(host: string, port: number): Promise<ServerStatus> {
  // a server that listens on every address answers on loopback
  const reachable = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  const down = (reason: string): ServerStatus => ({ url, up: false, generation: null, reason });
  if (port === 0) return down('FEEDTRIAL_PORT is 0, any free port: it cannot be found');
  try {
    const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!health.ok) return down(`/health answers ${health.status}`);
    const ready = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(timeoutMs) });
    const body = (await ready.json()) as { generation?: unknown; reason?: unknown };
    return {
      url,
      up: true,
      generation: typeof body.generation === 'string' ? body.generation : null,
      reason: ready.ok
        ? null
        : typeof body.reason === 'string'
          ? body.reason
          : `/ready answers ${ready.status}`,
    };
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return down('no answer in 1 s');
    if (error instanceof SyntaxError) return down('something else listens there');
    return down('nothing listens there');
  }
}
