import { readFile } from 'node:fs/promises';
import { describeError } from '../ops/errors/index.ts';
import { parseCsv } from './csv.ts';
import { studyErrors } from './errors.ts';
import { getStudy } from './studies.ts';
import { writeTo, type StudyStore } from './store/open.ts';

export interface WaveSummary {
  study: string;
  wave: string;
  /** Answers that were not there before. */
  imported: number;
  /** Answers that were there and differed. */
  changed: number;
  /** Of all of the file: panel ids that are no participant's. */
  unknown: number;
}

/**
 * Takes in a wave of the panel's survey, by panel id: columns `panel_id` and `completed_at` (ISO 8601), the others as they are.
 * Harmless to repeat; of a panel id that comes again the newest stands. Answers of people who are not enrolled are kept
 * under their panel id, since they may be enrolled later.
 * @throws FeedtrialError FT_STUDY_WAVE, FT_STUDY_UNKNOWN
 */
export async function importWave(
  store: StudyStore,
  options: { file: string; wave: string; study?: string; now?: () => number },
): Promise<WaveSummary> {
  const { file, wave, now = Date.now } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(wave))
    throw studyErrors.badWave(file, `'${wave.slice(0, 80)}' can not name a wave`);
  const { study } = await getStudy(store, options.study ?? store.config.study);
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(await readFile(file, 'utf8'));
  } catch (error) {
    throw studyErrors.badWave(file, describeError(error));
  }
  const importedUs = Math.round(now() * 1000);
  const answers = rows.map(({ line, cells }) => {
    const { panel_id: panelId, completed_at: completedAt = '', ...rest } = cells;
    if (!panelId) throw studyErrors.badWave(file, `line ${line} has no panel_id`);
    const ms = /^\d{4}-\d\d-\d\d([T ]|$)/.test(completedAt) ? Date.parse(completedAt) : NaN;
    if (Number.isNaN(ms))
      throw studyErrors.badWave(
        file,
        `line ${line}: completed_at '${completedAt.slice(0, 40)}' is not a time`,
      );
    return { panel_id: panelId, completed_us: ms * 1000, answers: JSON.stringify(rest) };
  });
  return writeTo(store, async (transaction) => {
    let imported = 0;
    let changed = 0;
    for (const answer of answers) {
      const before = await transaction
        .selectFrom('survey_answers')
        .selectAll()
        .where('study', '=', study)
        .where('wave', '=', wave)
        .where('panel_id', '=', answer.panel_id)
        .executeTakeFirst();
      if (before?.answers === answer.answers && before.completed_us === answer.completed_us) continue;
      if (before === undefined) {
        imported++;
        await transaction
          .insertInto('survey_answers')
          .values({ study, wave, ...answer, imported_us: importedUs })
          .execute();
      } else {
        changed++;
        await transaction
          .updateTable('survey_answers')
          .set({ ...answer, imported_us: importedUs })
          .where('study', '=', study)
          .where('wave', '=', wave)
          .where('panel_id', '=', answer.panel_id)
          .execute();
      }
    }
    const known = await transaction
      .selectFrom('participants')
      .select('panel_id')
      .where('study', '=', study)
      .where('panel_id', 'is not', null)
      .execute();
    const ids = new Set(known.map((row) => row.panel_id));
    const unknown = answers.filter(({ panel_id }) => !ids.has(panel_id)).length;
    return { study, wave, imported, changed, unknown };
  });
}
