import fs from 'node:fs';
import path from 'node:path';
import {
  copyToLake,
  openSegmentWriter,
  partitionFolder,
  recoverSegments,
  sqlText,
  tables,
  typedColumns,
  waitForLock,
  type Engine,
  type Lake,
  type Lock,
  type Table,
} from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import { enrichErrors } from './errors.ts';
import { wholeQueue, type Shard } from './shard.ts';

/** A line is an answer with all its rows: what a kill cuts off in the middle of is no line, and is asked about again. */
const format = 'labels/2';
/** A segment becomes Parquet when it holds this many rows or is this old: few files, and labels that show soon. */
const rowsPerFile = { value: 250_000, embedding: 20_000 };
const maxAgeMs = 5 * 60_000;

/** A row of labels/values or labels/embeddings as the journal keeps it; `kind` says which. */
export type JournalRow = { kind: 'value' | 'embedding' } & Record<string, unknown>;

/** Where the journals are: beside the streams that landing reads, which looks no deeper than those. */
export const journalFolder = (config: Pick<Config, 'spool'>): string => path.join(config.spool, 'labels');

export interface JournalOptions {
  /** Folder of all journals. */
  spool: string;
  lake: Lake;
  engine: Engine;
  labeler: string;
  shard?: Shard;
  now?: () => number;
}

/**
 * Where answers go first: an append-only file on this machine's disk, fsynced before an answer counts, so that a killed
 * run neither loses an answer that was paid for nor asks for it again. From there they become Parquet, a segment a file.
 */
export interface Journal {
  /** Makes rows durable; when it returns, they count. A kill before that leaves all rows of a post, or none. */
  add(rows: readonly JournalRow[]): Promise<void>;
  /** Whether enough rows wait to be worth a file. */
  readonly due: boolean;
  /** Turns what waits into Parquet. */
  publish(): Promise<void>;
  /** Publishes the rest and lets other runs at it. */
  close(): Promise<void>;
}

const streamOf = (labeler: string, { index, count }: Shard): string => `${labeler}-${index}of${count}`;

/** How long a lock is waited for: another shard that starts holds it while it looks for what a dead run left. */
const patienceMs = 2_000;

/** Takes a stream for this process alone; null where another process keeps it. */
const lockStream = (spool: string, stream: string, waitMs = patienceMs): Promise<Lock | null> =>
  waitForLock(path.join(spool, stream, 'lock.sqlite'), { waitMs, retryMs: 50 });

/** Sealed segments of a stream whose data is still there, oldest first. */
const waiting = (spool: string, stream: string): string[] =>
  fs
    .readdirSync(path.join(spool, stream))
    .filter((name) => name.endsWith('.seal.json'))
    .map((name) => name.slice(0, -'.seal.json'.length))
    .sort();

/** Rows of one kind of a segment, as a subquery. Lines of format labels/1, which a run before an update left, are a row each. */
function rowsOfSegment(data: string, kind: JournalRow['kind'], table: Table): string {
  const fields = [{ name: 'kind', type: 'VARCHAR' }, ...table.columns];
  const row = `STRUCT(${fields.map(({ name, type }) => `"${name}" ${type}`).join(', ')})`;
  const columns = [{ name: 'rows', type: `${row}[]` }, ...fields].map(
    ({ name, type }) => `${name}: '${type}'`,
  );
  const alone = fields.map(({ name }) => `"${name}" := "${name}"`).join(', ');
  return `(SELECT said.* FROM (
             SELECT unnest(coalesce("rows", [struct_pack(${alone})])) AS said
             FROM read_json(${sqlText(data)}, format = 'newline_delimited', columns = {${columns.join(', ')}})
           ) WHERE said.kind = '${kind}')`;
}

async function publishSegment(
  { lake, engine, labeler, spool }: JournalOptions,
  stream: string,
  id: string,
): Promise<void> {
  const data = path.join(spool, stream, `${id}.ndjson`);
  if (fs.existsSync(data)) {
    const targets: [JournalRow['kind'], Table][] = [
      ['value', tables.labels],
      ['embedding', tables.embeddings],
    ];
    for (const [kind, table] of targets) {
      const rows = rowsOfSegment(data, kind, table);
      const days = await engine.rows<{ dt: string }>(
        `SELECT DISTINCT strftime(make_timestamp(labelled_at), '%Y-%m-%d') AS dt FROM ${rows} ORDER BY dt`,
      );
      for (const { dt } of days) {
        // the same segment always makes the same files: a run killed between here and the removal does it over
        await copyToLake(
          lake,
          engine,
          `SELECT ${typedColumns(table)} FROM ${rows}
           WHERE strftime(make_timestamp(labelled_at), '%Y-%m-%d') = ${sqlText(dt)} ORDER BY ALL`,
          `${partitionFolder(table, { labeler, dt })}/${id}.parquet`,
        );
      }
    }
  }
  fs.rmSync(data, { force: true });
  fs.rmSync(path.join(spool, stream, `${id}.seal.json`), { force: true });
}

async function publishWaiting(options: JournalOptions, stream: string): Promise<void> {
  for (const id of waiting(options.spool, stream)) await publishSegment(options, stream, id);
}

/**
 * Opens the journal of a labeler and shard, after publishing whatever earlier runs of this labeler left behind.
 * @throws FeedtrialError FT_ENRICH_BUSY where another run of it could ask for the same posts
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { spool, labeler, shard = wholeQueue, now = Date.now } = options;
  const own = streamOf(labeler, shard);
  const lock = await lockStream(spool, own);
  if (lock === null) throw enrichErrors.busy(labeler, own);
  const recover = async (stream: string): Promise<void> => {
    recoverSegments({ spool, stream, format, cursorOf: () => null, now });
    await publishWaiting(options, stream);
  };
  try {
    await recover(own);
    const others = fs.readdirSync(spool).filter((name) => name.startsWith(`${labeler}-`) && name !== own);
    for (const stream of others) {
      const overlaps = !stream.endsWith(`of${shard.count}`);
      const other = await lockStream(spool, stream, overlaps ? patienceMs : 0);
      if (other !== null) {
        await recover(stream).finally(() => {
          other.release();
        });
      } else if (overlaps) throw enrichErrors.busy(labeler, stream);
    }
  } catch (error) {
    lock.release();
    throw error;
  }

  const writer = openSegmentWriter({ spool, stream: own, format, maxAgeMs, maxBytes: 1 << 30, now });
  let pending = { value: 0, embedding: 0 };
  let openedMs: number | null = null;
  const publish = async (): Promise<void> => {
    await writer.seal();
    pending = { value: 0, embedding: 0 };
    openedMs = null;
    await publishWaiting(options, own);
  };
  return {
    async add(rows) {
      if (rows.length === 0) return;
      const answers = [...Map.groupBy(rows, ({ uri, cid }) => `${uri as string} ${cid as string}`).values()];
      const lines = answers.map((said) => `${JSON.stringify({ uri: said[0]?.['uri'], rows: said })}\n`);
      writer.append(lines.join(''), lines.length, null);
      for (const { kind } of rows) pending[kind]++;
      openedMs ??= now();
      await writer.sync();
    },
    get due() {
      if (openedMs === null) return false;
      return (
        pending.value >= rowsPerFile.value ||
        pending.embedding >= rowsPerFile.embedding ||
        now() - openedMs >= maxAgeMs
      );
    },
    publish,
    async close() {
      try {
        await writer.close();
        await publishWaiting(options, own);
      } finally {
        lock.release();
      }
    },
  };
}
