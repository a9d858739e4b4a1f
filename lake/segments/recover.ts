import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { dataSuffix, openSuffix, sealSuffix, type Seal, type SealedSegment } from './format.ts';
import { ownerLives, ownerSuffix } from './owner.ts';
import { syncFolderSync, writeDurably } from './writer.ts';

export interface RecoverOptions {
  spool: string;
  stream: string;
  format: string;
  /** Cursor that a line stands for; null if the line has none. Called on lines from the last one backwards. */
  cursorOf: (line: Buffer) => number | null;
  /** Leaves alone what a living process is writing: for whoever is not the stream's own writer. Default false. */
  onlyDead?: boolean;
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
  const { spool, stream, onlyDead = false, now = Date.now } = options;
  const folder = path.join(spool, stream);
  if (!fs.existsSync(folder)) return [];
  const recovered: Seal[] = [];
  const names = fs.readdirSync(folder).sort();
  for (const name of names) {
    const unsealed = name.endsWith(dataSuffix) && !names.includes(name.replace(dataSuffix, sealSuffix));
    const ownerless = name.endsWith(ownerSuffix) && !names.includes(name.replace(ownerSuffix, openSuffix));
    if (!name.endsWith(openSuffix) && !unsealed && !ownerless) continue;
    const suffix = unsealed ? dataSuffix : ownerless ? ownerSuffix : openSuffix;
    const id = name.slice(0, -suffix.length);
    const file = path.join(folder, name);
    const owner = path.join(folder, id + ownerSuffix);
    if (onlyDead && ownerLives(owner, file, now())) continue;
    // A living writer takes its owner file away last, so from here on nobody else works on this segment: it was sealed
    // since the folder was read, or nobody is left to seal it.
    if (fs.existsSync(path.join(folder, id + sealSuffix)) || !fs.existsSync(file)) {
      fs.rmSync(owner, { force: true });
      continue;
    }
    if (ownerless) {
      // died before it opened the segment, or between renaming and sealing it, which is another name's turn
      if (!names.includes(id + dataSuffix)) fs.rmSync(owner, { force: true });
      continue;
    }
    const seal = sealLeftBehind(folder, id, file, options);
    fs.rmSync(owner, { force: true });
    if (seal !== null) recovered.push(seal);
  }
  return recovered;
}

/** Cuts a segment after its last whole line and seals it; null where it has none, and then it is removed. */
function sealLeftBehind(folder: string, id: string, file: string, options: RecoverOptions): Seal | null {
  const { stream, format, cursorOf, now = Date.now } = options;
  const content = fs.readFileSync(file);
  const whole = content.subarray(0, content.lastIndexOf(newline) + 1);
  if (whole.length === 0) {
    fs.rmSync(file);
    return null;
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
  const data = path.join(folder, id + dataSuffix);
  if (file !== data) fs.renameSync(file, data);
  syncFolderSync(folder);
  writeDurably(path.join(folder, id + sealSuffix), JSON.stringify(seal));
  return seal;
}

/** Seals of a stream, oldest first, whether their data is still there or was landed and removed. */
export function readSeals(spool: string, stream: string): Seal[] {
  const folder = path.join(spool, stream);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(sealSuffix))
    .sort()
    .flatMap((name) => {
      try {
        return [JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Seal];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // landing removed an old one meanwhile
        throw error;
      }
    });
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
