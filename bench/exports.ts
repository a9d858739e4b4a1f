import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { copyToLake, openEngine, openLake, type ColumnType } from '../lake/index.ts';
import { costOf, trinoDdl, type ExternalTable } from '../ops/athena/index.ts';
import { projectRoot } from '../ops/config/config.ts';
import { startTrino } from '../tests/services/trino.ts';
import { startS3 } from '../tests/services/versitygw.ts';
import { printTable } from './table.ts';

export const claim =
  'each ready query over the exports of 2,000 participants and 60 days costs less than a tenth of a cent in Athena, by what Trino reads for it';

const labels = ['toxic', 'constructive', 'sociopolitical', 'moral_outrage'];
const draw = (salt: string): string => `round((hash(k, ${salt}) % 1000000) / 1e6, 9)`;
const measures: [string, ColumnType, string][] = [
  ['posts', 'BIGINT', "1 + hash(k, 'posts') % 100"],
  ['in_network_share', 'DOUBLE', draw("'network'")],
  ['superposter_share', 'DOUBLE', draw("'superposters'")],
  ...labels.flatMap((label): [string, ColumnType, string][] => [
    [`${label}_labelled`, 'BIGINT', `hash(k, '${label}') % 100`],
    [`${label}_mean`, 'DOUBLE', draw(`'${label} mean'`)],
    [`${label}_share_over_half`, 'DOUBLE', draw(`'${label} share'`)],
  ]),
];
const people: [string, ColumnType, string][] = [
  ['participant_pseudonym', 'VARCHAR', 'md5(n::VARCHAR)'],
  ['study', 'VARCHAR', "'default'"],
  ['arm', 'VARCHAR', "['reverse_chronological', 'engagement', 'treatment'][1 + n % 3]"],
  ['channel', 'VARCHAR', 'channel'],
];

/** The exports that are large, of so many participants and days, drawn from a hash: shares and means that nothing compresses. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      participants: { type: 'string', default: '2000' },
      days: { type: 'string', default: '60' },
    },
  });
  const days = Number(values.days);
  const s3 = await startS3();
  const engine = await openEngine();
  const trino = await startTrino(s3, await s3.bucket('tables'));
  try {
    const lake = openLake(await s3.bucket('exports'));
    const cells = `FROM range(${Number(values.participants)}) AS people (n), unnest(['served', 'seen', 'engaged']) AS channels (channel)`;
    const dayOf = (day: number): string => new Date(Date.UTC(2026, 6, 1 + day)).toISOString().slice(0, 10);
    const columnsOf = (columns: [string, ColumnType, string][]): ExternalTable['columns'] =>
      columns.map(([name, type]) => ({ name, type, description: '' }));
    const write = (columns: [string, ColumnType, string][], k: string, from: string, file: string) =>
      copyToLake(
        lake,
        engine,
        `SELECT ${columns.map(([name, type, value]) => `(${value})::${type} AS ${name}`).join(', ')} FROM (SELECT *, ${k} AS k ${from})`,
        file,
      );
    const week: [string, ColumnType, string] = ['study_week', 'INTEGER', 'week'];
    const table = (name: string, columns: [string, ColumnType, string][], byDay: boolean): ExternalTable => ({
      name,
      location: lake.uri(name),
      description: '',
      columns: columnsOf(columns),
      partitions: byDay
        ? [{ name: 'event_day', projection: { type: 'date', from: dayOf(0), to: dayOf(days) } }]
        : [],
      rowsFolder: null,
    });
    const sources: [string, ColumnType, string][] = [
      ['label_name', 'VARCHAR', 'label'],
      ['labeler', 'VARCHAR', "'labeler of ' || label"],
      ['labeler_version', 'VARCHAR', "'1'"],
      ['posts', 'BIGINT', '3000000'],
      ['mean_score', 'DOUBLE', draw("'source'")],
    ];
    for (let day = 0; day < days; day++) {
      const at = `event_day=${dayOf(day)}/data.parquet`;
      const key = (of: string) => `concat(${of}, ${day})`;
      await write([...people, ...measures], key('n, channel'), cells, `export_participant_days/${at}`);
      await write(measures, key("'day'"), 'FROM range(1)', `export_baseline_days/${at}`);
      await write(
        sources,
        key('label'),
        `FROM unnest([${labels.map((label) => `'${label}'`).join(', ')}]) AS labels (label)`,
        `export_daily_label_sources/${at}`,
      );
    }
    const weeks = `${cells}, range(${Math.ceil(days / 7)}) AS weeks (week)`;
    await write(
      [...people, week, ...measures],
      'concat(n, channel, week)',
      weeks,
      'export_participant_weeks/data.parquet',
    );
    await trino.query('create schema feedtrial_lake');
    for (const one of [
      table('export_participant_days', [...people, ...measures], true),
      table('export_participant_weeks', [...people, week, ...measures], false),
      table('export_baseline_days', measures, true),
      table('export_daily_label_sources', sources, true),
    ])
      await trino.query(trinoDdl('feedtrial_lake', one));

    const rows: Record<string, string | number>[] = [];
    for (const file of globSync('docs/queries/*.sql', { cwd: projectRoot }).sort()) {
      const before = await trino.bytesRead();
      const { rows: found } = await trino.query(
        readFileSync(path.join(projectRoot, file), 'utf8'),
        'feedtrial_lake',
      );
      const read = (await trino.bytesRead()) - before;
      rows.push({
        query: path.basename(file, '.sql'),
        rows: found.length,
        'MB read': read / 1e6,
        'USD in Athena': costOf(read).toFixed(5),
      });
    }
    printTable(rows);
    const sizes = new Map<string, number>();
    for (const { path: file, bytes } of await lake.list('')) {
      const [name = ''] = file.split('/');
      sizes.set(name, (sizes.get(name) ?? 0) + bytes);
    }
    console.log();
    printTable([...sizes].map(([name, bytes]) => ({ export: name, MB: bytes / 1e6 })));
  } finally {
    await engine.close();
    await trino.stop();
    await s3.stop();
  }
}
