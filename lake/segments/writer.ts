import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { dataSuffix, openSuffix, sealSuffix, type Seal } from './format.ts';
import { ownerSuffix, writeOwner } from './owner.ts';

export interface SegmentWriterOptions {
  /** Spool root; the segment goes to `<spool>/<stream>/`. */
  spool: string;
  /** One writer a stream at a time, such as 'firehose' or 'serve'. */
  stream: string;
  /** Which SQL lands it, such as 'firehose/1'. */
  format: string;
  /** A segment is sealed when it has grown to this; default 64 MiB. */
  maxBytes?: number;
  /** A segment is sealed when it is this old; default 60 s. Checked on `append` and `rotateIfDue`. */
  maxAgeMs?: number;
  now?: () => number;
}

export interface SegmentWriter {
  /**
   * Adds complete lines, each ending in a newline, without waiting for the disk.
   * @param lines bytes of one or more whole lines
   * @param count how many lines they are
   * @param cursor the source's cursor after the last of them; null keeps the previous one
   */
  append(lines: Uint8Array | string, count: number, cursor: number | null): void;
  /**
   * Adds complete lines and hands them to the operating system, synchronously; where that fails they are not in the segment
   * and never will be: for lines that say what was done only if they were written.
   * @throws what the disk says; also where what was appended before can't be written
   */
  appendOrNothing(lines: string, count: number): void;
  /** Hands what was appended to the operating system, synchronously: survives the death of the process. */
  flush(): void;
  /** Makes all that was appended before the call durable (fdatasync); afterwards `durableCursor` covers it. */
  sync(): Promise<void>;
  /** Cursor after the last durable line; null before the first. */
  readonly durableCursor: number | null;
  /** Bytes that were appended and are not durable yet: what a reader must bound. */
  readonly pendingBytes: number;
  /** Seals the segment now if it has lines; the next `append` opens another. */
  seal(): Promise<Seal | null>;
  /** Seals if it is too large or too old. */
  rotateIfDue(): Promise<Seal | null>;
  /** Seals and ends the writer. */
  close(): Promise<Seal | null>;
}

let lastIdMs = 0;

/**
 * Time-ordered id that two writers never share: 13 digits of milliseconds, then 64 random bits in hex. Segments that one
 * process opens within a millisecond are counted on, so that ids sort as they were opened and the newest has the cursor.
 */
export function newSegmentId(nowMs: number): string {
  lastIdMs = Math.max(Math.floor(nowMs), lastIdMs + 1);
  return `${String(lastIdMs).padStart(13, '0')}-${randomBytes(8).toString('hex')}`;
}

interface OpenSegment {
  id: string;
  fd: number;
  file: string;
  hash: ReturnType<typeof createHash>;
  lines: number;
  bytes: number;
  openedMs: number;
  /** The file is longer than `bytes`: the rest was refused and has to go before anything else is written. */
  torn: boolean;
}

const fdatasync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });

export function syncFolderSync(folder: string): void {
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes a file durably under its final name: temporary name, fsync, rename, fsync of the folder. */
export function writeDurably(file: string, content: string): void {
  const temporary = `${file}.tmp`;
  const fd = fs.openSync(temporary, 'w');
  try {
    fs.writeFileSync(fd, content); // all of it: a bare write may stop short on a full disk
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(temporary, file);
  syncFolderSync(path.dirname(file));
}

/** A clock that is kept in step goes back by less. */
const clockStepMs = 1_000;

/** Opens a writer. Segments that an earlier writer left open are recovery's business, not touched here. */
export function openSegmentWriter(options: SegmentWriterOptions): SegmentWriter {
  const { spool, stream, format, maxBytes = 64 << 20, maxAgeMs = 60_000, now = Date.now } = options;
  const folder = path.join(spool, stream);
  if (fs.mkdirSync(folder, { recursive: true }) !== undefined) syncFolderSync(spool);

  let segment: OpenSegment | null = null;
  let pending: Buffer[] = [];
  let pendingBytes = 0; // in memory
  let unsyncedBytes = 0; // handed to the operating system, not durable
  let appendedCursor: number | null = null;
  let durableCursor: number | null = null;
  let queue: Promise<unknown> = Promise.resolve();

  const open = (): OpenSegment => {
    const openedMs = now();
    const id = newSegmentId(openedMs);
    const file = path.join(folder, id + openSuffix);
    const owner = path.join(folder, id + ownerSuffix);
    let fd: number;
    try {
      writeOwner(owner); // first: a segment without an owner counts as left behind
      fd = fs.openSync(file, 'ax');
    } catch (error) {
      fs.rmSync(owner, { force: true });
      throw error;
    }
    syncFolderSync(folder);
    return { id, fd, file, hash: createHash('sha256'), lines: 0, bytes: 0, openedMs, torn: false };
  };

  const cutTorn = (torn: OpenSegment): void => {
    if (!torn.torn) return;
    fs.ftruncateSync(torn.fd, torn.bytes);
    torn.torn = false;
  };

  const flush = (): void => {
    if (segment !== null) cutTorn(segment);
    if (pending.length === 0 || segment === null) return;
    const chunk = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
    let written = 0;
    try {
      while (written < chunk.length) written += fs.writeSync(segment.fd, chunk, written);
    } finally {
      // on ENOSPC keep exactly what did not reach the file, so that the next flush goes on where this one stopped
      segment.hash.update(chunk.subarray(0, written));
      segment.bytes += written;
      unsyncedBytes += written;
      pending = written < chunk.length ? [chunk.subarray(written)] : [];
      pendingBytes = chunk.length - written;
    }
  };

  const writeOrNothing = (lines: string, count: number): void => {
    flush(); // what came before stays before
    segment ??= open();
    const chunk = Buffer.from(lines);
    try {
      let written = 0;
      while (written < chunk.length) written += fs.writeSync(segment.fd, chunk, written);
    } catch (error) {
      segment.torn = true;
      try {
        cutTorn(segment);
      } catch {
        // the next write or seal tries again before it does anything else
      }
      throw error;
    }
    segment.hash.update(chunk);
    segment.bytes += chunk.length;
    segment.lines += count;
    unsyncedBytes += chunk.length;
  };

  // sync and seal run one after the other; each sees all that was appended before it was called
  const inOrder = <T>(step: () => Promise<T>): Promise<T> => {
    const result = queue.then(step, step);
    queue = result.catch(() => undefined);
    return result;
  };

  const syncNow = async (): Promise<void> => {
    if (segment === null) return;
    const cursor = appendedCursor;
    flush();
    const covered = unsyncedBytes;
    if (covered > 0) await fdatasync(segment.fd);
    unsyncedBytes -= covered;
    durableCursor = cursor;
  };

  // What is closed and not sealed yet, because the disk was full or failed in between: tried again at the next seal.
  let closed: Seal[] = [];

  const closeSegment = (): void => {
    if (segment === null) return;
    flush();
    const closing = segment;
    if (closing.lines === 0) {
      // nothing that was given to it could be written
      fs.closeSync(closing.fd);
      segment = null;
      fs.rmSync(closing.file, { force: true });
      fs.rmSync(path.join(folder, closing.id + ownerSuffix), { force: true });
      return;
    }
    fs.fdatasyncSync(closing.fd);
    fs.closeSync(closing.fd);
    segment = null;
    unsyncedBytes = 0;
    durableCursor = appendedCursor;
    closed.push({
      id: closing.id,
      stream,
      format,
      lines: closing.lines,
      bytes: closing.bytes,
      sha256: closing.hash.digest('hex'),
      cursor: appendedCursor,
      openedMs: closing.openedMs,
      sealedMs: now(),
      recovered: false,
    });
  };

  const sealNow = async (): Promise<Seal | null> => {
    closeSegment();
    let last: Seal | null = null;
    for (const seal of closed) {
      const base = path.join(folder, seal.id);
      if (fs.existsSync(base + openSuffix)) fs.renameSync(base + openSuffix, base + dataSuffix);
      writeDurably(base + sealSuffix, JSON.stringify(seal));
      fs.rmSync(base + ownerSuffix, { force: true });
      closed = closed.filter((other) => other !== seal);
      last = seal;
    }
    return last;
  };

  /** True also where the clock was set back since: by that clock the segment would grow for as long as it was ahead. */
  const isOld = ({ openedMs }: OpenSegment): boolean => {
    const ageMs = now() - openedMs;
    return ageMs >= maxAgeMs || ageMs < -clockStepMs;
  };

  const due = (): boolean =>
    closed.length > 0 || (segment !== null && (segment.bytes + pendingBytes >= maxBytes || isOld(segment)));

  return {
    append(lines, count, cursor) {
      segment ??= open();
      const bytes =
        typeof lines === 'string'
          ? Buffer.from(lines)
          : Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
      pending.push(bytes);
      pendingBytes += bytes.length;
      segment.lines += count;
      if (cursor !== null) appendedCursor = cursor;
    },
    appendOrNothing: writeOrNothing,
    flush,
    sync: () => inOrder(syncNow),
    get durableCursor() {
      return durableCursor;
    },
    get pendingBytes() {
      return pendingBytes + unsyncedBytes;
    },
    seal: () => inOrder(sealNow),
    rotateIfDue: () => (due() ? inOrder(sealNow) : Promise.resolve(null)),
    close: () => inOrder(sealNow),
  };
}
