import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openEngine, openLake, sqlText } from '../../../lake/index.ts';
import { publishBackfillQueues } from '../../../extract/backfill/queue.ts';
import type { Config } from '../../../ops/config/index.ts';

/** Publishes a queue as the models write it, to where the pointer leads. @param rows a VALUES list with its columns */
export async function publishQueue(
  config: Config,
  name: 'backfill' | 'profiles',
  rows: string,
  publishId = 'test',
): Promise<void> {
  const file = path.join(config.privateLake, `backfill/publish=${publishId}/${name}.parquet`);
  mkdirSync(path.dirname(file), { recursive: true });
  const engine = await openEngine();
  try {
    await engine.run(`COPY (${rows}) TO ${sqlText(file)} (FORMAT parquet)`);
  } finally {
    await engine.close();
  }
  await publishBackfillQueues(openLake(config.privateLake), publishId, Date.now());
}

/** Rows of `backfill_queue`. */
export const wanted = (posts: { uri: string; by?: 'record' | 'repository' }[]): string =>
  `SELECT * FROM (VALUES ${posts
    .map(({ uri, by = 'record' }, i) => {
      const [, , did = '', collection = '', rkey = ''] = uri.split('/');
      return `('${uri}', '${did}', '${collection}', '${rkey}', '${by}', 1, ${posts.length - i}, 1)`;
    })
    .join(', ')}) AS queue (uri, did, "collection", rkey, fetched_by, priority, referrals, likes)`;
