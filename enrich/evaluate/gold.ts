import { readFileSync } from 'node:fs';
import { describeError } from '../../ops/errors/index.ts';
import { enrichErrors } from '../errors.ts';
import { parseCsv } from '../students/csv.ts';

/** What people said of a post. */
export interface GoldRow {
  text: string;
  positive: boolean;
  /** Author where the file says who it is, else the row: rows of one author are no independent evidence. */
  cluster: string;
}

export interface GoldColumns {
  /** Default 'text'. */
  text?: string;
  /** Default 'label'. */
  label?: string;
}

const yes = new Set(['1', '1.0', 'true', 'yes', 'y']);
const no = new Set(['0', '0.0', 'false', 'no', 'n']);

/**
 * Reads a gold file: a CSV with a text and a yes or no in each row; rows without an answer are left out. The author comes
 * from a column `author` or `did`, or from the at:// URI in `uri`.
 * @throws FeedtrialError FT_EVAL_GOLD
 */
export function readGold(file: string, columns: GoldColumns = {}): GoldRow[] {
  const { text = 'text', label = 'label' } = columns;
  let rows: Record<string, string>[];
  try {
    rows = parseCsv(readFileSync(file, 'utf8'));
  } catch (error) {
    throw enrichErrors.badGold(file, describeError(error), error);
  }
  const [first] = rows;
  if (first === undefined) throw enrichErrors.badGold(file, 'it has no rows');
  for (const column of [text, label])
    if (!(column in first))
      throw enrichErrors.badGold(file, `it has no column '${column}', but ${Object.keys(first).join(', ')}`);
  const gold = rows.flatMap((row, i): GoldRow[] => {
    const answer = (row[label] ?? '').trim().toLowerCase();
    if (answer === '') return [];
    if (!yes.has(answer) && !no.has(answer))
      throw enrichErrors.badGold(
        file,
        `row ${i + 2} says '${answer}' in '${label}', which is neither 1 nor 0`,
      );
    const author = row['author'] || row['did'] || /^at:\/\/(did:[^/]+)\//.exec(row['uri'] ?? '')?.[1];
    return [{ text: row[text] ?? '', positive: yes.has(answer), cluster: author ?? `row ${i}` }];
  });
  if (!gold.some((row) => row.positive) || gold.every((row) => row.positive))
    throw enrichErrors.badGold(file, `all ${gold.length} answers in '${label}' are the same`);
  return gold;
}
