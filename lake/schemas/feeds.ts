import { defineTable } from './define.ts';

/** Under `similarity/<set>/`, `set` being the run that computed it; ranking is told which set to read. */
export const similarityPosts = defineTable(
  'similarity/posts',
  'One row per embedded candidate post',
  ['set'],
  {
    uri: ['VARCHAR', 'post'],
    similarity: ['DOUBLE', 'cosine to the centroid of popular posts, rounded to 1e-6'],
  },
);

export const similarityParticipants = defineTable(
  'similarity/participants',
  'One row per participant and each of their nearest candidates, by what they liked',
  ['set'],
  {
    participant_id: ['VARCHAR', 'pseudonymous id in the study'],
    uri: ['VARCHAR', 'post'],
    similarity_personal: ['DOUBLE', 'cosine to what this participant liked, rounded to 1e-6'],
  },
);

/** Under `feeds/generation=<id>/positions/feeds.parquet`; `feeds/current.json` points to the generation in force. */
export const feeds = defineTable(
  'feeds',
  "One row per generation, participant and position; participant '_default' is the feed of everyone else",
  ['generation'],
  {
    participant_id: ['VARCHAR', "pseudonymous id in the study, or '_default'"],
    arm: ['VARCHAR', "arm, or 'default'"],
    policy: ['VARCHAR', 'ranking policy'],
    policy_version: ['VARCHAR', 'its version'],
    position: ['INTEGER', 'place in the feed, from 1'],
    uri: ['VARCHAR', 'post'],
    cid: ['VARCHAR', 'version of the post that was scored'],
    author_did: ['VARCHAR', 'author'],
    event_us: ['BIGINT', "the post's witness time, microseconds UTC"],
    score: [
      'DOUBLE',
      'sort key of the policy, rounded to 1e-9; for reverse_chronological the event time in seconds',
    ],
    like_score: ['DOUBLE', 'part from likes; null where the policy has no such part', 'null'],
    freshness_score: ['DOUBLE', 'part from age; null where the policy has no such part', 'null'],
    treatment_multiplier: ['DOUBLE', 'T of the design; null where the policy has no such part', 'null'],
    superposter_multiplier: [
      'DOUBLE',
      'factor for superposters; null where the policy has no such part',
      'null',
    ],
    likes: ['BIGINT', 'likes known; null where capture did not cover them (never a made-up 0)', 'null'],
    similarity: ['DOUBLE', 'to the centroid of popular posts; null where not computed', 'null'],
    similarity_personal: [
      'DOUBLE',
      'to what this participant liked; null where the policy does not ask for it, the post has no embedding or they liked none',
      'null',
    ],
    age_hours: ['DOUBLE', 'at ranking time, from event_us'],
    toxic: ['DOUBLE', 'probability; null where unlabelled', 'null'],
    constructive: ['DOUBLE', 'probability; null where unlabelled', 'null'],
    sociopolitical: ['DOUBLE', 'probability; null where unlabelled', 'null'],
    is_superposter: ['BOOLEAN', 'whether the author is one'],
    candidate_source: ['VARCHAR', "why it was a candidate: 'in_network', 'popular', 'similar' or 'fresh'"],
    is_in_network: ['BOOLEAN', 'whether the participant follows the author'],
    served_before: ['BOOLEAN', "whether it was in the participant's last feed"],
    position_before_shuffle: ['INTEGER', 'place before the bounded shuffle, from 1'],
    shuffle_offset: ['INTEGER', "the feed's border offset, 0 to 2"],
    propensity: [
      'DOUBLE',
      'probability of this position given the offset, under the shuffle alone: it can not compare arms; null where there is no shuffle (interleaved)',
      'null',
    ],
    credited_policy: [
      'VARCHAR',
      'team that drafted the post into an interleaved feed; null in the common prefix and in every other feed',
      'null',
    ],
    counterfactual_positions: [
      'VARCHAR',
      'JSON object: other arm -> position that the post would have had there in this generation; an arm is left out where it would not have been in the feed; null after the first page and in the default feed',
      'null',
    ],
  },
  'positions',
);

/**
 * In the private lake, `pairs/generation=<id>/pairs.parquet`: the candidates show whom a pseudonym follows. Only where a policy's
 * score depends on the participant.
 */
export const pairs = defineTable(
  'pairs',
  'One row per generation, participant, policy whose score depends on the participant, and candidate post',
  ['generation'],
  {
    participant_id: ['VARCHAR', 'pseudonymous id in the study'],
    policy: ['VARCHAR', 'ranking policy'],
    policy_version: ['VARCHAR', 'its version'],
    uri: ['VARCHAR', 'post'],
    is_in_network: ['BOOLEAN', 'whether the participant follows the author'],
    candidate_source: ['VARCHAR', "why it is a candidate: 'in_network', 'similar', 'popular' or 'fresh'"],
    similarity_personal: [
      'DOUBLE',
      'cosine to what this participant liked, rounded to 1e-6; null where the post has no embedding or they liked none',
      'null',
    ],
    diversity_score: [
      'DOUBLE',
      'value at which maximal marginal relevance picked it, rounded to 1e-9; null where the policy has no such part',
      'null',
    ],
  },
);

/** What serving must leave out: written by landing, polled by the server. */
export const tombstones = defineTable(
  'tombstones',
  'One row per record or account that may no longer be shown, or may again',
  ['dt', 'hour'],
  {
    kind: ['VARCHAR', "'record' or 'account'"],
    did: ['VARCHAR', 'repository'],
    uri: ['VARCHAR', "at:// URI; null for kind 'account'", 'null'],
    hidden: ['BOOLEAN', 'true to leave out, false to show again (a reactivated account)'],
    reason: [
      'VARCHAR',
      "'record_deleted', 'account_deleted', 'account_takendown', 'account_suspended', 'account_deactivated', 'account_active'",
    ],
    event_us: ['BIGINT', 'when, microseconds UTC'],
    segment: ['VARCHAR', 'spool segment that said so'],
  },
);

/** In the private lake: `participants/current.parquet`, replaced whole. */
export const participants = defineTable('participants', 'One row per participant and study', [], {
  participant_id: ['VARCHAR', 'pseudonymous id in the study; the only name that feeds and exposures use'],
  study: ['VARCHAR', 'study'],
  did: ['VARCHAR', 'account: the only place in any lake where the two stand together'],
  arm: ['VARCHAR', 'arm that they were assigned to'],
  status: ['VARCHAR', "'pending', 'active', 'withdrawn'"],
  stratum: ['VARCHAR', 'stratum of the randomisation'],
  enrolled_us: ['BIGINT', 'when they were enrolled, microseconds UTC'],
  withdrawn_us: ['BIGINT', 'when they withdrew, microseconds UTC; null if they have not', 'null'],
});

/** In the private lake: `pseudonyms/current.parquet`, there only while exports are built. */
export const pseudonyms = defineTable(
  'pseudonyms',
  'One row per participant while exports are built, none at other times',
  [],
  {
    participant_id: ['VARCHAR', 'pseudonymous id in the study'],
    pseudonym: [
      'VARCHAR',
      'name in this release alone: the first 32 hexadecimal digits of an HMAC-SHA-256 whose key is nowhere in the lake',
    ],
  },
);
