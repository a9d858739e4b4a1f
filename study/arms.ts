import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describeError } from '../ops/errors/index.ts';
import { parseCsv } from './csv.ts';
import { studyErrors } from './errors.ts';

/** An arm as randomisation sees it. */
export interface Arm {
  arm: string;
  /** Share of new participants relative to the other open arms; a whole number, so that blocks hold it exactly. */
  weight: number;
  status: 'open' | 'closed';
}

/**
 * Reads the study's arms from the text of `seeds/arms.csv`.
 * @throws FeedtrialError FT_STUDY_ARMS naming the line that is wrong
 */
export function parseArms(text: string): Arm[] {
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(text);
  } catch (error) {
    throw studyErrors.badArms(describeError(error));
  }
  const seen = new Set<string>();
  return rows.map(({ line, cells }) => {
    const { arm = '', weight = '', status = '' } = cells;
    if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(arm) || arm === 'default')
      throw studyErrors.badArms(`line ${line}: '${arm}' can not name an arm`);
    if (seen.has(arm)) throw studyErrors.badArms(`line ${line}: arm '${arm}' comes twice`);
    seen.add(arm);
    if (!/^\d{1,4}(\.0+)?$/.test(weight))
      throw studyErrors.badArms(`line ${line}: weight '${weight}' is not a whole number from 0 to 9999`);
    if (status !== 'open' && status !== 'closed')
      throw studyErrors.badArms(`line ${line}: status '${status}' is neither 'open' nor 'closed'`);
    return { arm, weight: Number(weight), status };
  });
}

/** The arms of this checkout. */
export async function readArms(projectRoot: string): Promise<Arm[]> {
  const file = path.join(projectRoot, 'seeds', 'arms.csv');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw studyErrors.badArms(describeError(error));
  });
  return parseArms(text);
}
