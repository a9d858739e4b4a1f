import { readFile } from 'node:fs/promises';
import { describeError } from '../ops/errors/index.ts';
import { parseConsentTime } from './consent.ts';
import { parseCsv } from './csv.ts';
import type { Person } from './enroll.ts';
import { studyErrors } from './errors.ts';

/**
 * People to enrol from a CSV file with columns `did` or `handle`, and optionally `stratum`, `panel_id`, `consent_version` and
 * `consented_at` (ISO 8601, both or neither); other columns are left alone.
 * @throws FeedtrialError FT_STUDY_CSV, FT_STUDY_CONSENT
 */
export async function readPeople(file: string): Promise<Person[]> {
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(await readFile(file, 'utf8'));
  } catch (error) {
    throw studyErrors.badCsv(file, describeError(error));
  }
  return rows.map(({ line, cells }) => {
    const {
      did,
      handle,
      stratum,
      panel_id: panelId,
      consent_version: version,
      consented_at: givenAt,
    } = cells;
    if (!did && !handle) throw studyErrors.badCsv(file, `line ${line} has neither a did nor a handle`);
    if (Boolean(version) !== Boolean(givenAt))
      throw studyErrors.badCsv(file, `line ${line} has a consent without its version or time`);
    return {
      ...(did ? { did } : {}),
      ...(handle ? { handle } : {}),
      ...(stratum ? { stratum } : {}),
      ...(panelId ? { panelId } : {}),
      ...(version && givenAt ? { consent: { version, givenUs: parseConsentTime(givenAt) } } : {}),
    };
  });
}
