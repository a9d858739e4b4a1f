import { enrichErrors } from './errors.ts';

/** Which part of the posts this run labels: the first of four is {index: 1, count: 4}. */
export interface Shard {
  index: number;
  count: number;
}

export const wholeQueue: Shard = { index: 1, count: 1 };

/**
 * Reads `i/n`.
 * @throws FeedtrialError FT_ENRICH_SHARD
 */
export function parseShard(text: string): Shard {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const shard = { index: Number(match?.[1]), count: Number(match?.[2]) };
  if (!match || shard.index < 1 || shard.index > shard.count) throw enrichErrors.badShard(text);
  return shard;
}

/** SQL that is true for the posts of a shard: every post is in exactly one, on every machine and engine. */
export function shardPredicate(shard: Shard, uri: string): string {
  if (shard.count === 1) return 'true';
  return `CAST('0x' || substr(md5(${uri}), 1, 8) AS BIGINT) % ${shard.count} = ${shard.index - 1}`;
}

/** SQL that is true for a share of the posts, the same ones in every run and apart from how shards are dealt. */
export function samplePredicate(share: number, uri: string): string {
  if (share >= 1) return 'true';
  return `CAST('0x' || substr(md5('sample ' || ${uri}), 1, 8) AS BIGINT) < ${Math.round(share * 2 ** 32)}`;
}
