import type { Config } from '../ops/config/index.ts';
import type { Membership } from '../study/index.ts';
import type { Keys } from './auth/keys.ts';
import type { Replays } from './auth/replays.ts';
import type { AnswerContext } from './exposures/context.ts';
import type { ExposureLog } from './exposures/log.ts';
import type { Generations } from './feeds/generations.ts';
import type { Tombstones } from './feeds/tombstones.ts';
import type { Metrics } from './metrics.ts';

/** Everything that the routes work with. */
export interface Service {
  config: Config;
  study: string;
  /** at:// URI of the feed's generator record. */
  feedUri: string;
  membership: Membership;
  keys: Keys;
  replays: Replays;
  generations: Generations;
  tombstones: Tombstones;
  exposures: ExposureLog;
  context: AnswerContext;
  metrics: Metrics;
  now: () => number;
}

export const methods = {
  getFeedSkeleton: 'app.bsky.feed.getFeedSkeleton',
  describeFeedGenerator: 'app.bsky.feed.describeFeedGenerator',
  sendInteractions: 'app.bsky.feed.sendInteractions',
} as const;

/** Longest user agent that is kept. */
export const maxClientLength = 200;
