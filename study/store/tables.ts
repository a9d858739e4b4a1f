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
    /** When they first asked for the feed with a token that they signed; null for who never has. */
    first_request_us: number | null;
    /** What the survey panel calls them; null where there is none. One person a panel id and study. */
    panel_id: string | null;
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
  /** Every consent that was given, never changed. */
  consents: {
    consent_id: Generated<number>;
    participant_id: string;
    study: string;
    /** Which text they agreed to. */
    version: string;
    given_us: number;
    recorded_us: number;
  };
  /** What a study promised, and each change of it; never changed. */
  frozen: {
    study: string;
    /** From 1, in order. */
    number: number;
    kind: 'freeze' | 'amendment';
    frozen_us: number;
    reason: string;
    /** Over this record and the hash before it. */
    sha256: string;
    previous_sha256: string | null;
    /** JSON of what was promised. */
    promised: string;
  };
  survey_answers: {
    study: string;
    wave: string;
    panel_id: string;
    completed_us: number;
    /** JSON object of the other columns of the file. */
    answers: string;
    imported_us: number;
  };
  api_keys: {
    key_id: string;
    study: string;
    /** Who holds it, in the operator's words. */
    name: string;
    /** SHA-256 of the secret part, which is random: it need not be slow to guess. */
    secret_sha256: string;
    /** JSON array of scopes. */
    scopes: string;
    created_us: number;
    revoked_us: number | null;
  };
  erasures: {
    receipt_id: string;
    study: string;
    /** HMAC of the account's DID under the erasure's own key, which its holder has on the receipt. */
    subject_hash: string;
    /** What has to be searched for, as JSON; null once all of it is done. */
    subject: string | null;
    /** Of the randomisation: that someone was there stays, who does not. */
    arm: string;
    stratum: string;
    /** JSON array of the steps that are done. */
    steps: string;
    begun_us: number;
    done_us: number | null;
    /** JSON of the receipt; null until it is done. */
    receipt: string | null;
  };
  feed_registrations: {
    uri: string;
    study: string;
    service_did: string;
    cid: string;
    registered_us: number;
    unregistered_us: number | null;
    /** JSON of the generator record. */
    record: string;
  };
  job_leases: {
    job: string;
    holder: string;
    taken_us: number;
    expires_us: number;
  };
}

export type ParticipantStatus = 'pending' | 'active' | 'withdrawn';
