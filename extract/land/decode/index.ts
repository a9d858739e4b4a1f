import { tables, type Column, type Engine, type Table } from '../../../lake/index.ts';
import { decodeFirehose } from './firehose.ts';
import { decodeJetstream } from './jetstream.ts';
import { decodeMacros, type SegmentFiles } from './lines.ts';
import { decodeRows } from './rows.ts';

type Rows = 'events' | 'backfilled' | 'answers' | 'stages' | 'marks';

/** Temporary tables that lines are decoded into are `landing_` and one of these. */
export const decodedRows: readonly Rows[] = ['events', 'backfilled', 'answers', 'stages', 'marks'];

interface Format {
  /** Temporary table that the lines become rows of. */
  rows: Rows;
  decode: (files: SegmentFiles) => string;
}

const ours = 'segment';
const mergedColumns = (...several: Table[]): Column[] =>
  several
    .flatMap(({ columns }) => columns)
    .filter(({ name }, i, all) => name !== ours && all.findIndex((other) => other.name === name) === i);
const merged = mergedColumns(tables.exposures, tables.interactions);

/** Every segment format that landing knows, with the SQL that reads it. */
export const formats: Record<string, Format> = {
  'firehose/1': { rows: 'events', decode: decodeFirehose },
  'jetstream/1': { rows: 'events', decode: decodeJetstream },
  'backfill/1': {
    rows: 'backfilled',
    decode: (files) =>
      decodeFirehose(files, {
        fields: {
          asked: 'VARCHAR',
          uri: 'VARCHAR',
          outcome: 'VARCHAR',
          host: 'VARCHAR',
          collections: 'VARCHAR',
          records: 'BIGINT',
          written: 'BIGINT',
          deleted: 'BIGINT',
          bytes: 'BIGINT',
          run_id: 'VARCHAR',
          followers: 'BIGINT',
          follows: 'BIGINT',
          posts: 'BIGINT',
          profile: 'VARCHAR',
        },
        required: `
              WHEN 'backfill' THEN s.asked IS NOT NULL AND s.outcome IS NOT NULL AND s.attempts IS NOT NULL AND s.run_id IS NOT NULL
              WHEN 'profile' THEN s.did LIKE 'did:%' AND s.profile IS NOT NULL`,
      }),
  },
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
  'moderation/1': {
    rows: 'marks',
    decode: (files) =>
      decodeRows(
        files,
        {
          ...tables.moderationLabels,
          columns: mergedColumns(tables.moderationLabels, tables.rejected, tables.gaps),
        },
        `plausible(ingested_at) AND event_us IS NOT NULL AND CASE t
           WHEN 'moderation_label' THEN src LIKE 'did:%' AND uri IS NOT NULL AND val IS NOT NULL AND neg IS NOT NULL AND cts_us IS NOT NULL
           WHEN 'rejected' THEN reason IS NOT NULL
           WHEN 'gap' THEN gap_id IS NOT NULL AND kind IS NOT NULL AND state IS NOT NULL
           WHEN 'cursor' THEN true
         END`,
        { t: 'VARCHAR' },
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
 * Reads segments into temporary tables, one row a line. A line that is no JSON has
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
