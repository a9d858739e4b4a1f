import { defaultParticipant, type Lake } from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import type { Membership, StudyStore } from '../study/index.ts';
import type { Keys } from './auth/keys.ts';
import type { Replays } from './auth/replays.ts';
import type { AnswerContext } from './exposures/context.ts';
import type { ExposureLog } from './exposures/log.ts';
import type { FirstRequests } from './first-requests.ts';
import type { Generations } from './feeds/generations.ts';
import type { Tombstones } from './feeds/tombstones.ts';
import type { Limits } from './limits.ts';
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
  limits: Limits;
  firstRequests: FirstRequests;
  lake: Lake;
  store: StudyStore;
  now: () => number;
}

/**
 * False where the generation in force has feeds of participants and none of them is in the study: the store or the study's
 * name is another's, and every participant would be given the default feed as if they were strangers.
 */
export function isOfThisStudy({
  generations,
  membership,
}: Pick<Service, 'generations' | 'membership'>): boolean {
  let personal = 0;
  for (const participantId of generations.current?.index.participants() ?? []) {
    if (participantId === defaultParticipant) continue;
    if (membership.has(participantId)) return true;
    personal++;
  }
  return personal === 0;
}

export const methods = {
  getFeedSkeleton: 'app.bsky.feed.getFeedSkeleton',
  describeFeedGenerator: 'app.bsky.feed.describeFeedGenerator',
  sendInteractions: 'app.bsky.feed.sendInteractions',
} as const;

/** Longest user agent that is kept. */
export const maxClientLength = 200;
