import { createHash } from 'node:crypto';
import { partitionTime, tables, writeRows, type Engine, type Lake } from '../../../lake/index.ts';

/** A report of an operation, as a test states it; the rest of a row of raw/records is filled in. */
export interface Report {
  did: string;
  collection: string;
  rkey: string;
  operation?: 'create' | 'update' | 'delete';
  /** Orders the operations of the repository; by default the time. */
  rev?: string;
  record?: Record<string, unknown>;
  eventUs: number;
  source?: 'firehose' | 'jetstream' | 'backfill';
}

export const uriOf = ({ did, collection, rkey }: Pick<Report, 'did' | 'collection' | 'rkey'>): string =>
  `at://${did}/${collection}/${rkey}`;

/** Stands for the content address of a record. */
export const cidOf = (record: Record<string, unknown>): string =>
  `cid-${createHash('sha256').update(JSON.stringify(record)).digest('hex').slice(0, 20)}`;

function rawRow(report: Report): Record<string, unknown> {
  const { did, collection, rkey, operation = 'create', eventUs, source = 'firehose' } = report;
  const record = operation === 'delete' ? null : (report.record ?? {});
  return {
    did,
    collection,
    rkey,
    operation,
    cid: record === null ? null : cidOf(record),
    rev: report.rev ?? String(eventUs),
    record: record === null ? null : JSON.stringify(record),
    seq: source === 'backfill' ? null : eventUs,
    event_us: eventUs,
    source,
    live: source !== 'backfill',
    verified: source !== 'jetstream',
    ingested_at: eventUs + 1000,
    segment: `${source}-test`,
  };
}

/** Lands reports as landing would: one file a partition and call, in the partition of each report's own hour. */
export async function writeReports(
  lake: Lake,
  engine: Engine,
  name: string,
  reports: readonly Report[],
): Promise<void> {
  const partitions = Map.groupBy(reports, ({ collection, eventUs }) =>
    JSON.stringify({ collection_group: collection, ...partitionTime(eventUs) }),
  );
  for (const [partition, members] of partitions)
    await writeRows(
      lake,
      engine,
      tables.records,
      JSON.parse(partition) as Record<string, string>,
      members.map(rawRow),
      name,
    );
}

/** What a labeler said of a post, as a test states it. */
export interface Said {
  uri: string;
  cid: string;
  labeler: string;
  version: string;
  label: string;
  score?: number;
  text_value?: string;
  status?: 'ok' | 'failed' | 'refused';
  attempt?: number;
}

/** Writes labels as the runner would: a file a labeler and call. */
export async function writeLabels(
  lake: Lake,
  engine: Engine,
  name: string,
  labelledAt: number,
  said: readonly Said[],
): Promise<void> {
  for (const [labeler, rows] of Map.groupBy(said, (one) => one.labeler))
    await writeRows(
      lake,
      engine,
      tables.labels,
      { labeler, dt: partitionTime(labelledAt).dt },
      rows.map((row) => ({ status: 'ok', attempt: 1, run_id: 'test', labelled_at: labelledAt, ...row })),
      name,
    );
}
