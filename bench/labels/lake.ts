import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../../ops/config/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { setLogLevel } from '../../ops/telemetry/log.ts';
import { publishQueue, type QueueRow } from '../../tests/integration/enrich/queue.ts';

/** An empty lake with a queue in it, and a configuration for it; removed afterwards. */
export async function withQueue<T>(
  rows: readonly QueueRow[],
  env: Record<string, string>,
  work: (config: Config) => Promise<T>,
): Promise<T> {
  silenceProgress();
  setLogLevel('silent');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  try {
    const config = loadConfig(
      {
        FEEDTRIAL_LAKE: path.join(folder, 'lake'),
        FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
        FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
        ...env,
      },
      folder,
    );
    await publishQueue(config, rows);
    return await work(config);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
