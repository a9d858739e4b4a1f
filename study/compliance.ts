import { getStudy } from './studies.ts';
import type { StudyStore } from './store/open.ts';

/** How an arm's people have taken part. */
export interface ComplianceRow {
  arm: string;
  /** All who were ever enrolled, whoever has left among them. */
  enrolled: number;
  /** Enrolled, and nobody has asked from their account yet. */
  pending: number;
  /** Asked for the feed at least once. */
  opened: number;
  withdrawn: number;
  /** Taken out with all that was theirs. */
  erased: number;
  /** By wave, who answered: of those who are still in the store. */
  answered: Record<string, number>;
  /** Share of `enrolled` who left, from 0 to 1. */
  attrition: number;
}

/**
 * Compliance and attrition by arm, by the store alone: what was shown and seen is in the models of the exposures.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function compliance(store: StudyStore, study = store.config.study): Promise<ComplianceRow[]> {
  await getStudy(store, study);
  const people = await store.db
    .selectFrom('participants')
    .select(['arm', 'status', 'first_request_us', 'panel_id'])
    .where('study', '=', study)
    .execute();
  const erased = await store.db.selectFrom('erasures').select('arm').where('study', '=', study).execute();
  const answers = await store.db
    .selectFrom('survey_answers')
    .select(['wave', 'panel_id'])
    .where('study', '=', study)
    .execute();
  const armOfPanel = new Map(people.map((person) => [person.panel_id, person.arm]));
  const waves = [...new Set(answers.map(({ wave }) => wave))].sort();
  const rows = new Map<string, ComplianceRow>();
  const rowOf = (arm: string): ComplianceRow => {
    const row = rows.get(arm) ?? {
      arm,
      enrolled: 0,
      pending: 0,
      opened: 0,
      withdrawn: 0,
      erased: 0,
      answered: Object.fromEntries(waves.map((wave) => [wave, 0])),
      attrition: 0,
    };
    rows.set(arm, row);
    return row;
  };
  for (const { arm, status, first_request_us } of people) {
    const row = rowOf(arm);
    row.enrolled++;
    if (status === 'pending') row.pending++;
    if (status === 'withdrawn') row.withdrawn++;
    if (first_request_us !== null) row.opened++;
  }
  for (const { arm } of erased) {
    const row = rowOf(arm);
    row.enrolled++;
    row.erased++;
  }
  for (const { wave, panel_id } of answers) {
    const arm = armOfPanel.get(panel_id);
    if (arm === undefined) continue;
    const { answered } = rowOf(arm);
    answered[wave] = (answered[wave] ?? 0) + 1;
  }
  for (const row of rows.values()) row.attrition = (row.withdrawn + row.erased) / row.enrolled;
  return [...rows.values()].sort((a, b) => (a.arm < b.arm ? -1 : 1));
}

/**
 * Who was enrolled and has never asked for the feed, longest first, by pseudonym and panel id: whom the panel should remind.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function neverOpened(
  store: StudyStore,
  study = store.config.study,
): Promise<{ participant_id: string; panel_id: string | null; enrolled_us: number }[]> {
  await getStudy(store, study);
  return store.db
    .selectFrom('participants')
    .select(['participant_id', 'panel_id', 'enrolled_us'])
    .where('study', '=', study)
    .where('first_request_us', 'is', null)
    .where('status', '<>', 'withdrawn')
    .orderBy('enrolled_us')
    .orderBy('participant_id')
    .execute();
}
