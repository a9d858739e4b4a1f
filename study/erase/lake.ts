import { randomUUID } from 'node:crypto';
import { rm, writeFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeServing, encodeServing, type Engine, type Lake, type StoredFile } from '../../lake/index.ts';
import { eraseFromDatabase, findInDatabase } from './database.ts';
import { findInParquet, rewriteParquet } from './parquet.ts';
import { exactNames, mentions, scrub, uriPrefix, type Subject } from './subject.ts';

/** Which files of a lake name someone, and which could not be looked into. */
export interface Found {
  /** File -> rows, lines or 1. */
  files: Map<string, number>;
  searched: number;
  bytes: number;
  /** Packed or unknown: nobody can say what is in them. */
  unsearched: string[];
}

const textEndings = ['.json', '.csv', '.ndjson', '.sql', '.txt', '.yml', '.yaml', '.md', '.tsv', '.log'];
const packed = /\.(gz|zip|zst|bz2|xz|tar|tgz|7z|dump)$/i;
const database = /\.(sqlite|sqlite3|db)$/i;
const atATime = 200;

/** Files whose columns are the same: those of one table. */
const tableOf = (file: string): string => {
  const at = file.search(/\/[^/=]+=[^/]+\//);
  const table = at === -1 ? path.dirname(file) : file.slice(0, at);
  return file.startsWith('feeds/') || !file.includes('=') ? `${table}|${path.basename(file)}` : table;
};

/** Looks for someone in every file of a lake: Parquet by its values, everything else by its bytes. */
export async function searchLake(lake: Lake, engine: Engine, subject: Subject, folder = ''): Promise<Found> {
  const found: Found = { files: new Map(), searched: 0, bytes: 0, unsearched: [] };
  const tables = new Map<string, StoredFile[]>();
  for (const file of await lake.list(folder)) {
    found.searched++;
    found.bytes += file.bytes;
    if (file.path.endsWith('.parquet')) {
      const table = tableOf(file.path);
      tables.set(table, [...(tables.get(table) ?? []), file]);
    } else if (packed.test(file.path)) found.unsearched.push(file.path);
    else {
      const n = await searchBytes(lake, engine, file.path, subject);
      if (n > 0) found.files.set(file.path, n);
    }
  }
  for (const files of tables.values())
    for (let at = 0; at < files.length; at += atATime) {
      const byUri = new Map(files.slice(at, at + atATime).map(({ path: file }) => [lake.uri(file), file]));
      for (const [uri, n] of await findInParquet(engine, [...byUri.keys()], subject))
        found.files.set(byUri.get(uri) ?? uri, n);
    }
  return found;
}

async function searchBytes(lake: Lake, engine: Engine, file: string, subject: Subject): Promise<number> {
  const content = await lake.read(file);
  if (content === null) return 0;
  if (textEndings.some((ending) => file.endsWith(ending)))
    return mentions(subject, Buffer.from(content).toString('utf8')) ? 1 : 0;
  if (database.test(file)) return withLocal(engine, content, async (local) => findInDatabase(local, subject));
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return [...exactNames(subject), ...subject.handles].some((name) => bytes.includes(name)) ? 1 : 0;
}

async function withLocal<T>(
  engine: Engine,
  content: Uint8Array,
  work: (local: string) => Promise<T>,
): Promise<T> {
  const local = path.join(engine.scratch, randomUUID());
  await writeFile(local, content, { mode: 0o600 });
  try {
    return await work(local);
  } finally {
    for (const suffix of ['', '-wal', '-shm']) await rm(local + suffix, { force: true });
  }
}

/**
 * Takes someone out of one file. Doing it again changes nothing.
 * @returns the rows that are left, for Parquet; null for others
 * @throws Error for a kind of file that nothing here can write
 */
export async function eraseFromFile(
  lake: Lake,
  engine: Engine,
  file: string,
  subject: Subject,
): Promise<number | null> {
  if (file.endsWith('.parquet')) return (await rewriteParquet(lake, engine, file, subject)).rowsAfter;
  const content = await lake.read(file);
  if (content === null) return null;
  if (file.endsWith('serving.arrow')) await lake.write(file, eraseFromServing(content, subject));
  else if (textEndings.some((ending) => file.endsWith(ending)))
    await lake.write(file, scrub(subject, Buffer.from(content).toString('utf8')));
  else if (database.test(file))
    await withLocal(engine, content, async (local) => {
      eraseFromDatabase(local, subject);
      await lake.write(file, await readFile(local));
    });
  // dbt's DuckDB file, in a backup: it can be made again, and what was deleted in it may still be in its free blocks
  else if (file.endsWith('.duckdb') || file.endsWith('.duckdb.wal')) await lake.purge(file);
  else throw new Error(`nothing here can take anyone out of a file such as ${path.basename(file)}`);
  return null;
}

/** A generation's feeds without theirs, and without their posts in the others'. */
export function eraseFromServing(bytes: Uint8Array, subject: Subject): Uint8Array {
  const { generation, uris, feeds } = decodeServing(bytes);
  const prefix = uriPrefix(subject);
  const kept: string[] = [];
  const indexOf = uris.map((uri) => (uri.startsWith(prefix) ? null : kept.push(uri) - 1));
  return encodeServing({
    generation,
    uris: kept,
    feeds: feeds
      .filter(({ participantId }) => participantId !== subject.participantId)
      .map((feed) => ({
        ...feed,
        positions: Uint32Array.from(
          [...feed.positions].map((i) => indexOf[i] ?? null).filter((i) => i !== null),
        ),
      })),
  });
}
