import { openEngine } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { readRuns } from '../runs/index.ts';
import { readStreams } from './capture.ts';
import { readLake } from './lake.ts';
import type { Status } from './next.ts';
import { probeServer } from './server.ts';

/** Reads the spool, the lake's Parquet and the server's answer; never the warehouse, which a run may hold. */
export async function readStatus(config: Config, now: () => number = Date.now): Promise<Status> {
  const nowUs = now() * 1000;
  const probing = probeServer(config.host, config.port);
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    return {
      nowUs,
      lakeRoot: config.lake,
      streams: readStreams(config.spool, nowUs / 1000),
      lake: await readLake(config, engine, nowUs),
      runs: await readRuns({ config, engine, sinceUs: nowUs - 7 * 86_400e6 }),
      server: await probing,
    };
  } finally {
    await engine.close();
  }
}
