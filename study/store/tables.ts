import type { Generated } from 'kysely';

/** Times are microseconds since 1970 UTC. */
export interface StudyTables {
  studies: {
    study: string;
    /** Seed of the randomisation. */
    seed: string;
    /** Key that signs feedContext where the configuration has none. */
    feed_context_key: string;
    created_us: number;
    /** Counts the changes to this study's participants; every change takes the next number. */
    revision: number;
  };
  participants: {
    /** Random; says nothing about the account. */
    participant_id: string;
    study: string;
    did: string;
    /** Handle that they were enrolled by; null where it was the DID. */
    handle: string | null;
    stratum: string;
    arm: string;
    status: ParticipantStatus;
    enrolled_us: number;
    withdrawn_us: number | null;
    /** The study's revision that last changed this row. */
    revision: number;
  };
  blocks: {
    study: string;
    stratum: string;
    block: number;
    /** Which open arms and weights it was drawn from. */
    arms_digest: string;
    /** JSON array of arms in order of enrolment. */
    sequence: string;
    /** Places that are taken. */
    used: number;
  };
  assignments: {
    assignment_id: Generated<number>;
    participant_id: string;
    study: string;
    stratum: string;
    arm: string;
    block: number;
    /** Place in the block, from 0. */
    place: number;
    assigned_us: number;
    reason: string;
  };
}

export type ParticipantStatus = 'pending' | 'active' | 'withdrawn';
