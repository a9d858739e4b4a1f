import type { Kysely } from 'kysely';
import type { Participant } from './enroll.ts';
import { studyErrors } from './errors.ts';
import { maskDid } from './identity/names.ts';
import { getStudy } from './studies.ts';
import type { StudyStore } from './store/open.ts';
import type { StudyTables } from './store/tables.ts';

/**
 * Everyone in a study, in order of enrolment.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function listParticipants(
  store: StudyStore,
  study = store.config.study,
): Promise<Participant[]> {
  await getStudy(store, study);
  return store.db
    .selectFrom('participants')
    .selectAll()
    .where('study', '=', study)
    .orderBy('enrolled_us')
    .orderBy('revision')
    .execute();
}

/**
 * Someone in a study, by DID, participant id or panel id.
 * @throws FeedtrialError FT_STUDY_NOT_ENROLLED
 */
export async function findParticipant(
  { db }: { db: Kysely<StudyTables> },
  who: string,
  study: string,
): Promise<Participant> {
  const participant = await db
    .selectFrom('participants')
    .selectAll()
    .where('study', '=', study)
    .where((where) =>
      where.or([where('did', '=', who), where('participant_id', '=', who), where('panel_id', '=', who)]),
    )
    .executeTakeFirst();
  if (participant === undefined)
    throw studyErrors.notEnrolled(who.startsWith('did:') ? maskDid(who) : `'${who.slice(0, 80)}'`);
  return participant;
}

export interface BalanceRow {
  stratum: string;
  arm: string;
  enrolled: number;
  withdrawn: number;
}

/**
 * How many were assigned to each arm in each stratum; who withdrew stays counted in `enrolled`.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function balance(store: StudyStore, study = store.config.study): Promise<BalanceRow[]> {
  await getStudy(store, study);
  const rows = await store.db
    .selectFrom('participants')
    .select((select) => [
      'stratum',
      'arm',
      select.fn.countAll<number>().as('enrolled'),
      select.fn.count<number>('withdrawn_us').as('withdrawn'),
    ])
    .where('study', '=', study)
    .groupBy(['stratum', 'arm'])
    .orderBy('stratum')
    .orderBy('arm')
    .execute();
  return rows.map((row) => ({ ...row, enrolled: Number(row.enrolled), withdrawn: Number(row.withdrawn) }));
}
