import { tables, type Column, type Engine } from '../../../lake/index.ts';
import { decodeFirehose } from './firehose.ts';
import { decodeJetstream } from './jetstream.ts';
import { decodeMacros, type SegmentFiles } from './lines.ts';
import { decodeRows } from './rows.ts';

type Rows = 'events' | 'answers' | 'stages';

interface Format {
  /** Temporary table that the lines become rows of. */
  rows: Rows;
  decode: (files: SegmentFiles) => string;
}

const ours = 'segment';
const merged: Column[] = [...tables.exposures.columns, ...tables.interactions.columns].filter(
  ({ name }, i, all) => name !== ours && all.findIndex((other) => other.name === name) === i,
);

/** Every segment format that landing knows, with the SQL that reads it. */
export const formats: Record<string, Format> = {
  'firehose/1': { rows: 'events', decode: decodeFirehose },
  'jetstream/1': { rows: 'events', decode: decodeJetstream },
  'exposures/1': {
    rows: 'answers',
    decode: (files) =>
      decodeRows(
        files,
        { ...tables.exposures, columns: merged },
        `CASE t
           WHEN 'exposure' THEN req_id IS NOT NULL AND plausible(served_us)
           WHEN 'interaction' THEN event IS NOT NULL AND plausible(received_us)
         END`,
        { t: 'VARCHAR', uris: ['VARCHAR'], positions: ['INTEGER'] },
      ),
  },
  'runs/1': {
    rows: 'stages',
    decode: (files) =>
      decodeRows(
        files,
        tables.runs,
        'plausible(ts) AND dag IS NOT NULL AND run_id IS NOT NULL AND stage IS NOT NULL AND status IS NOT NULL',
      ),
  },
};

/**
 * Reads segments into the temporary tables `events`, `answers` and `stages`, one row a line. A line that is no JSON has
 * fault 'not_json', one that lacks what its kind needs 'malformed_line'; no line fails the others.
 */
export async function decodeSegments(engine: Engine, byFormat: Map<string, SegmentFiles>): Promise<void> {
  for (const macro of decodeMacros) await engine.run(macro);
  const nothing: SegmentFiles = { files: [], longestLine: 0 };
  const made = new Set<Rows>();
  for (const [name, format] of Object.entries(formats)) {
    const files = byFormat.get(name) ?? nothing;
    const select = format.decode(files);
    if (made.has(format.rows)) await engine.run(`INSERT INTO landing_${format.rows} BY NAME ${select}`);
    else await engine.run(`CREATE OR REPLACE TEMP TABLE landing_${format.rows} AS ${select}`);
    made.add(format.rows);
  }
}
