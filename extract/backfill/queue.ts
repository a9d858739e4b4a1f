import {
  openLake,
  publishFolder,
  removeOldPublishes,
  sqlText,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { backfillErrors } from './errors.ts';

export interface BackfillQueue {
  /** `read_parquet(…)` of its rows. */
  relation: string;
  /** When it was published, microseconds UTC: what was found out since isn't in it. */
  publishedUs: number;
}

export type BackfillQueueName = 'backfill' | 'profiles';

const pointer = 'backfill/current.json';

/** The publish id of each queue in force. */
type Published = Partial<Record<BackfillQueueName, string>>;

const fileOf = (name: BackfillQueueName, publishId: string) =>
  `${publishFolder('backfill', publishId)}/${name}.parquet`;

async function readPublished(
  privateLake: Lake,
): Promise<{ content: Uint8Array | null; published: Published }> {
  const content = await privateLake.read(pointer);
  return {
    content,
    published: content === null ? {} : (JSON.parse(Buffer.from(content).toString('utf8')) as Published),
  };
}

/**
 * Puts the queues in force that SQL wrote under a publish id. One that wasn't written stays as it was. What was in force until now may just have
 * been opened: of what is a day old, only what came before it is removed.
 */
export async function publishBackfillQueues(
  privateLake: Lake,
  publishId: string,
  nowMs: number,
): Promise<BackfillQueueName[]> {
  const written: BackfillQueueName[] = [];
  for (const name of ['backfill', 'profiles'] as const)
    if (await privateLake.exists(fileOf(name, publishId))) written.push(name);
  if (written.length === 0) return [];
  const { content, published } = await readPublished(privateLake);
  const until = Object.values(published);
  for (const name of written) published[name] = publishId;
  await privateLake.swap(pointer, content, `${JSON.stringify(published)}\n`);
  await removeOldPublishes(privateLake, 'backfill', [...until, ...Object.values(published)], nowMs);
  return written;
}

/**
 * A queue that SQL wrote to the private lake, as `backfill/current.json` there names it.
 * @throws FeedtrialError FT_BACKFILL_QUEUE where none was published
 */
export async function openBackfillQueue(config: Config, name: BackfillQueueName): Promise<BackfillQueue> {
  const lake = openLake(config.privateLake);
  const publishId = (await readPublished(lake)).published[name];
  if (publishId === undefined) throw backfillErrors.noQueue(name);
  const path = fileOf(name, publishId);
  const file = (await lake.list('backfill')).find((found) => found.path === path);
  if (file === undefined) throw backfillErrors.noQueue(name);
  return {
    relation: `read_parquet(${sqlText(lake.uri(path))})`,
    publishedUs: Math.floor(file.modifiedMs * 1000),
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
