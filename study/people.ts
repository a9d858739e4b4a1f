import { readFile } from 'node:fs/promises';
import { describeError } from '../ops/errors/index.ts';
import { parseCsv } from './csv.ts';
import type { Person } from './enroll.ts';
import { studyErrors } from './errors.ts';

/**
 * People to enrol from a CSV file with columns `did` or `handle`, and optionally `stratum`; other columns are left alone.
 * @throws FeedtrialError FT_STUDY_CSV
 */
export async function readPeople(file: string): Promise<Person[]> {
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(await readFile(file, 'utf8'));
  } catch (error) {
    throw studyErrors.badCsv(file, describeError(error));
  }
  return rows.map(({ line, cells }) => {
    const { did, handle, stratum } = cells;
    if (!did && !handle) throw studyErrors.badCsv(file, `line ${line} has neither a did nor a handle`);
    return {
      ...(did ? { did } : {}),
      ...(handle ? { handle } : {}),
      ...(stratum ? { stratum } : {}),
    };
  });
}
