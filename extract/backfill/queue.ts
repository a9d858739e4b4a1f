import type { Engine } from '../../lake/index.ts';
import { openLake, sqlText } from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { backfillErrors } from './errors.ts';

export interface BackfillQueue {
  /** `read_parquet(…)` of its rows. */
  relation: string;
  /** When it was published, microseconds UTC: what was found out since isn't in it. */
  publishedUs: number;
}

/**
 * A queue that SQL wrote to the private lake, as `queue/current.json` of the lake names it.
 * @throws FeedtrialError FT_BACKFILL_QUEUE where none was published
 */
export async function openBackfillQueue(
  config: Config,
  name: 'backfill' | 'profiles',
): Promise<BackfillQueue> {
  const shared = openLake(config.lake);
  const pointer = await shared.read('queue/current.json');
  if (pointer === null) throw backfillErrors.noQueue(name);
  const { publish_id: publishId } = JSON.parse(Buffer.from(pointer).toString('utf8')) as {
    publish_id: string;
  };
  const lake = openLake(config.privateLake);
  const file = `queue/publish=${publishId}/${name}.parquet`;
  if (!(await lake.exists(file))) throw backfillErrors.noQueue(name);
  const published = (await shared.list('queue')).find(({ path }) => path === 'queue/current.json');
  return {
    relation: `read_parquet(${sqlText(lake.uri(file))})`,
    publishedUs: Math.floor((published?.modifiedMs ?? 0) * 1000),
  };
}

/** A post that is wanted, as the model `backfill_queue` has it. */
export interface WantedPost {
  uri: string;
  did: string;
  collection: string;
  rkey: string;
}

export interface WantedPosts {
  /** Authors whose posts are asked for one by one. */
  records: Map<string, WantedPost[]>;
  /** Authors whose repository is fetched instead, the most wanted first. */
  repositories: string[];
  posts: number;
}

/** The queue in its order, as far as it is wanted now. */
export async function readWantedPosts(
  engine: Engine,
  relation: string,
  limit: number | undefined,
): Promise<WantedPosts> {
  const rows = await engine.rows<WantedPost & { fetched_by: string }>(`
    SELECT uri, did, "collection", rkey, fetched_by FROM ${relation}
    ORDER BY priority, referrals DESC, uri ${limit === undefined ? '' : `LIMIT ${limit}`}`);
  const wanted: WantedPosts = { records: new Map(), repositories: [], posts: rows.length };
  const whole = new Set<string>();
  for (const { fetched_by: by, ...post } of rows)
    if (by === 'repository') whole.add(post.did);
    else wanted.records.set(post.did, [...(wanted.records.get(post.did) ?? []), post]);
  wanted.repositories = [...whole];
  return wanted;
}
