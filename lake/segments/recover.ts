import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { dataSuffix, openSuffix, sealSuffix, type Seal, type SealedSegment } from './format.ts';
import { syncFolderSync, writeDurably } from './writer.ts';

export interface RecoverOptions {
  spool: string;
  stream: string;
  format: string;
  /** Cursor that a line stands for; null if the line has none. Called on lines from the last one backwards. */
  cursorOf: (line: Buffer) => number | null;
  now?: () => number;
}

const newline = 0x0a;

/** Cursor of the last line that has one; null if none does. */
function lastCursor(content: Buffer, cursorOf: RecoverOptions['cursorOf']): number | null {
  let end = content.length - 1; // of the newline that ends the line
  while (end > 0) {
    const start = content.lastIndexOf(newline, end - 1) + 1;
    const cursor = cursorOf(content.subarray(start, end));
    if (cursor !== null) return cursor;
    end = start - 1;
  }
  return null;
}

/**
 * Seals what a dead writer left in a stream. Half a line at the end is cut off: it was never acknowledged, and the source
 * sends it again. Call it before opening a writer of the same stream, and only while no other writer lives.
 * @returns seals of the segments that it recovered
 */
export function recoverSegments(options: RecoverOptions): Seal[] {
  const { spool, stream, format, cursorOf, now = Date.now } = options;
  const folder = path.join(spool, stream);
  if (!fs.existsSync(folder)) return [];
  const recovered: Seal[] = [];
  const names = fs.readdirSync(folder).sort();
  for (const name of names) {
    const unsealed = name.endsWith(dataSuffix) && !names.includes(name.replace(dataSuffix, sealSuffix));
    if (!name.endsWith(openSuffix) && !unsealed) continue;
    const id = name.slice(0, name.length - (unsealed ? dataSuffix : openSuffix).length);
    const file = path.join(folder, name);
    const content = fs.readFileSync(file);
    const whole = content.subarray(0, content.lastIndexOf(newline) + 1);
    if (whole.length === 0) {
      fs.rmSync(file);
      continue;
    }
    const fd = fs.openSync(file, 'r+');
    fs.ftruncateSync(fd, whole.length);
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    let lines = 0;
    for (let at = whole.indexOf(newline); at !== -1; at = whole.indexOf(newline, at + 1)) lines++;
    const seal: Seal = {
      id,
      stream,
      format,
      lines,
      bytes: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
      cursor: lastCursor(whole, cursorOf),
      openedMs: Number(id.slice(0, 13)),
      sealedMs: now(),
      recovered: true,
    };
    if (!unsealed) fs.renameSync(file, path.join(folder, id + dataSuffix));
    syncFolderSync(folder);
    writeDurably(path.join(folder, id + sealSuffix), JSON.stringify(seal));
    recovered.push(seal);
  }
  return recovered;
}

/** Seals of a stream, oldest first, whether their data is still there or was landed and removed. */
export function readSeals(spool: string, stream: string): Seal[] {
  const folder = path.join(spool, stream);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(sealSuffix))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Seal);
}

/** Sealed segments of all streams whose data is there to be landed, oldest first. */
export function listSealed(spool: string): SealedSegment[] {
  if (!fs.existsSync(spool)) return [];
  return fs
    .readdirSync(spool, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => readSeals(spool, entry.name))
    .map((seal) => ({ ...seal, file: path.join(spool, seal.stream, seal.id + dataSuffix) }))
    .filter((segment) => fs.existsSync(segment.file))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Cursor to go on from: what the newest sealed segment says; null where the stream is new. */
export function resumeCursor(spool: string, stream: string): number | null {
  const seals = readSeals(spool, stream);
  for (const seal of seals.toReversed()) if (seal.cursor !== null) return seal.cursor;
  return null;
}
