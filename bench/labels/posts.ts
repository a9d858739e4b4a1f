import { readFileSync } from 'node:fs';
import { parseCsv } from '../../enrich/students/csv.ts';
import { dataFile } from '../../tests/data.ts';

/** Texts of real posts where the pilot's are there, one made-up sentence else. */
export function postTexts(): string[] {
  try {
    return parseCsv(readFileSync(dataFile('pilot/pilot_posts.csv'), 'utf8')).map((row) => row['text'] ?? '');
  } catch {
    return [
      'The senate votes tomorrow on a bill that nobody has read, and I am not surprised at all by that.',
    ];
  }
}

export const meanLength = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + text.length, 0) / texts.length;
