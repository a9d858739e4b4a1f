import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describeError } from '../ops/errors/index.ts';
import { readArms, type Arm } from './arms.ts';
import { parseCsv } from './csv.ts';
import { studyErrors } from './errors.ts';

/** A stretch of days in which people are enrolled, and the arms that take them. */
export interface Wave {
  wave: string;
  /** Microseconds UTC: from the first day on, and before the last. */
  beginsUs: number;
  endsUs: number | null;
  /** Arm -> weight in this wave, null for the arm's own; null where every open arm takes part. */
  arms: Map<string, number | null> | null;
}

function dayUs(line: number, column: string, day: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  // a day that there isn't, such as the 30th of February, reads as another
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day)
    throw studyErrors.badWaves(`line ${line}: ${column} '${day}' is no day such as 2026-07-04`);
  return ms * 1000;
}

/**
 * Reads the enrolment waves from the text of `seeds/enrolment_waves.csv`: a row a wave and arm, or one row without an arm for all open ones.
 * @throws FeedtrialError FT_STUDY_WAVES naming the line that is wrong
 */
export function parseWaves(text: string, arms: readonly Arm[]): Wave[] {
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(text);
  } catch (error) {
    throw studyErrors.badWaves(describeError(error));
  }
  const known = new Set(arms.map(({ arm }) => arm));
  const waves = new Map<string, Wave>();
  for (const { line, cells } of rows) {
    const { wave = '', begins = '', ends = '', arm = '', weight = '' } = cells;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(wave))
      throw studyErrors.badWaves(`line ${line}: '${wave}' can not name a wave`);
    const beginsUs = dayUs(line, 'begins', begins);
    const endsUs = ends === '' ? null : dayUs(line, 'ends', ends);
    if (endsUs !== null && endsUs <= beginsUs)
      throw studyErrors.badWaves(`line ${line}: wave '${wave}' ends before it begins`);
    if (arm !== '' && !known.has(arm))
      throw studyErrors.badWaves(`line ${line}: seeds/arms.csv has no arm '${arm}'`);
    if (weight !== '' && (arm === '' || !/^\d{1,4}(\.0+)?$/.test(weight)))
      throw studyErrors.badWaves(
        `line ${line}: weight '${weight}' is not a whole number from 0 to 9999 of an arm`,
      );
    const before = waves.get(wave);
    if (before === undefined) {
      waves.set(wave, { wave, beginsUs, endsUs, arms: arm === '' ? null : new Map() });
    } else if (before.beginsUs !== beginsUs || before.endsUs !== endsUs)
      throw studyErrors.badWaves(`line ${line}: wave '${wave}' has other days than in its first row`);
    else if (before.arms === null || arm === '' || before.arms.has(arm))
      throw studyErrors.badWaves(`line ${line}: arm '${arm}' comes twice in wave '${wave}'`);
    waves.get(wave)?.arms?.set(arm, weight === '' ? null : Number(weight));
  }
  const inOrder = [...waves.values()].sort((a, b) => a.beginsUs - b.beginsUs);
  for (const [i, one] of inOrder.entries()) {
    const next = inOrder[i + 1];
    if (next !== undefined && (one.endsUs === null || one.endsUs > next.beginsUs))
      throw studyErrors.badWaves(`waves '${one.wave}' and '${next.wave}' are at the same time`);
  }
  return inOrder;
}

/**
 * The arms as the wave of a moment opens them: an arm that it doesn't name is closed in it, whatever its own row says; a closed
 * arm stays closed.
 * @throws FeedtrialError FT_STUDY_NO_WAVE between waves, before the first and after the last
 */
export function armsOfWave(arms: readonly Arm[], waves: readonly Wave[], momentUs: number): Arm[] {
  const current = waves.find(
    ({ beginsUs, endsUs }) => beginsUs <= momentUs && (endsUs === null || momentUs < endsUs),
  );
  if (current === undefined) {
    const next = waves.find(({ beginsUs }) => beginsUs > momentUs);
    throw studyErrors.noWave(next === undefined ? null : new Date(next.beginsUs / 1000).toISOString());
  }
  const { arms: named } = current;
  if (named === null) return [...arms];
  return arms.map((arm) =>
    named.has(arm.arm) ? { ...arm, weight: named.get(arm.arm) ?? arm.weight } : { ...arm, status: 'closed' },
  );
}

/** The arms of this checkout, as they take people at a moment (microseconds UTC). A checkout without waves enrols at any time. */
export async function readArmsAt(projectRoot: string, momentUs: number): Promise<Arm[]> {
  const arms = await readArms(projectRoot);
  const file = path.join(projectRoot, 'seeds', 'enrolment_waves.csv');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw studyErrors.badWaves(describeError(error));
  });
  return text === null ? arms : armsOfWave(arms, parseWaves(text, arms), momentUs);
}
