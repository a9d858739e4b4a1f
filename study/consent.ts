import type { Selectable, Transaction } from 'kysely';
import { studyErrors } from './errors.ts';
import type { StudyTables } from './store/tables.ts';

/** What someone agreed to, and when. */
export interface Consent {
  /** Version of the text. */
  version: string;
  /** Microseconds UTC. */
  givenUs: number;
}

/** @throws FeedtrialError FT_STUDY_CONSENT */
export function requireConsent({ version, givenUs }: Consent): Consent {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(version))
    throw studyErrors.badConsent(`'${version.slice(0, 80)}' can not name a version of a text`);
  if (!Number.isSafeInteger(givenUs) || givenUs < 1_000_000_000_000_000)
    throw studyErrors.badConsent('the time when it was given is missing or none');
  return { version, givenUs };
}

/** The moment of an ISO 8601 text, microseconds UTC. @throws FeedtrialError FT_STUDY_CONSENT */
export function parseConsentTime(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d([T ]|$)/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) throw studyErrors.badConsent(`'${text.slice(0, 40)}' is not a time`);
  return ms * 1000;
}

/** Adds a consent to what someone has agreed to; the same one twice is one. */
export async function recordConsent(
  transaction: Transaction<StudyTables>,
  participant: Pick<Selectable<StudyTables['participants']>, 'participant_id' | 'study'>,
  { version, givenUs }: Consent,
  nowUs: number,
): Promise<void> {
  await transaction
    .insertInto('consents')
    .values({
      participant_id: participant.participant_id,
      study: participant.study,
      version,
      given_us: givenUs,
      recorded_us: nowUs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
