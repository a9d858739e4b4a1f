import fs from 'node:fs';
import path from 'node:path';
import {
  openSegmentWriter,
  readSeals,
  recoverSegments,
  resumeCursor,
  type Seal,
} from '../../../lake/segments/index.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { captureErrors } from '../errors.ts';
import type { StreamLock } from './lock.ts';
import { takeStream } from './take-over.ts';

/** One stream of the spool, held by this process. */
export interface Spool {
  /** Where an earlier capture of this stream came to; null where there was none. */
  readonly resumedCursor: number | null;
  /** Time of that, microseconds UTC, as far as it can be told. */
  readonly resumedUs: number | null;
  /** Segments that a process left unsealed when it died. */
  readonly recovered: Seal[];
  /** Adds whole lines. It never throws for a full disk: what doesn't fit waits in memory, and `stalled` says so. */
  append(lines: Uint8Array | string, count: number, cursor: number | null): void;
  /** Bytes that are not durable yet. */
  readonly pendingBytes: number;
  readonly durableCursor: number | null;
  /** Why nothing is written at the moment; null while all is well. */
  readonly stalled: string | null;
  /** Lines and bytes appended since opening. */
  readonly appended: { lines: number; bytes: number };
  /** Rejects when the disk failed in a way that leaves in doubt what is durable. */
  readonly failed: Promise<never>;
  /** Makes durable what was appended and seals it; the stream stays this process's. */
  seal(): Promise<Seal | null>;
  /** Lets go of the stream, once all that a successor reads is written. */
  release(): void;
  /** Seals, and lets go of the stream. */
  close(): Promise<Seal | null>;
}

export interface SpoolOptions {
  spool: string;
  stream: string;
  format: string;
  cursorOf: (line: Buffer) => number | null;
  /** Time that a line stands for, microseconds UTC. */
  timeOf: (line: Buffer) => number | null;
  /** The stream's lock, where it has been taken; it is let go with the spool. */
  lock?: StreamLock | undefined;
  /** Sees all that is appended, before it is written; must not throw. */
  onAppend?: ((lines: Uint8Array | string) => void) | undefined;
  syncEveryMs?: number;
  maxAgeMs?: number;
  now?: () => number;
}

const outOfSpace = new Set(['ENOSPC', 'EDQUOT']);

/** Opens a stream: takes its lock, seals what a dead process left, and finds the cursor to go on from. */
export function openSpool(options: SpoolOptions): Spool {
  const { spool, stream, format, cursorOf, timeOf, syncEveryMs = 50, maxAgeMs, now = Date.now } = options;
  const lock = options.lock ?? takeStream(spool, stream);
  const recovered = recoverSegments({ spool, stream, format, cursorOf, now });
  const resumedCursor = resumeCursor(spool, stream);
  const writer = openSegmentWriter({
    spool,
    stream,
    format,
    now,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
  });

  const appended = { lines: 0, bytes: 0 };
  const waiting: { lines: Uint8Array | string; count: number; cursor: number | null }[] = [];
  let waitingBytes = 0;
  let stalled: string | null = null;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined); // whoever races it sees it; nobody has to

  /** True if the disk is full, which passes; any other failure is for good. */
  const stall = (error: unknown): void => {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    // after a failed fdatasync nobody knows what is on the disk: only a new process that reads it back does
    if (code === undefined || !outOfSpace.has(code) || syscall === 'fdatasync' || syscall === 'fsync') {
      fail(captureErrors.spoolFailed(error));
      return;
    }
    if (stalled === null) log.error('the spool is full: capture waits for room', { error: message, spool });
    stalled = message;
  };

  const drainWaiting = (): void => {
    while (waiting.length > 0) {
      const { lines, count, cursor } = waiting[0] as (typeof waiting)[number];
      writer.append(lines, count, cursor); // throws before it takes anything
      waiting.shift();
      waitingBytes -= lines.length;
    }
  };

  let busy: Promise<void> | null = null;
  const tick = async (): Promise<void> => {
    try {
      drainWaiting();
      if (writer.pendingBytes > 0) await writer.sync();
      await writer.rotateIfDue();
      if (stalled !== null) log.info('the spool has room again');
      stalled = null;
    } catch (error) {
      stall(error);
    }
  };
  const timer = setInterval(() => {
    busy ??= tick().finally(() => (busy = null));
  }, syncEveryMs);

  const seal = async (): Promise<Seal | null> => {
    clearInterval(timer);
    try {
      await busy;
      drainWaiting();
      return await writer.close();
    } catch (error) {
      throw captureErrors.spoolFailed(error);
    }
  };

  return {
    resumedCursor,
    resumedUs: resumedCursor === null ? null : lastTime(spool, stream, timeOf),
    recovered,
    append(lines, count, cursor) {
      appended.lines += count;
      appended.bytes += lines.length;
      options.onAppend?.(lines);
      waiting.push({ lines, count, cursor });
      waitingBytes += lines.length;
      if (stalled !== null) return;
      try {
        drainWaiting();
      } catch (error) {
        stall(error);
      }
    },
    get pendingBytes() {
      return waitingBytes + writer.pendingBytes;
    },
    get durableCursor() {
      return writer.durableCursor ?? resumedCursor;
    },
    get stalled() {
      return stalled;
    },
    appended,
    failed,
    seal,
    release: () => lock.release(),
    close: () => seal().finally(() => lock.release()),
  };
}

/** Time of the newest line that is still there; when the newest segment was sealed, where its lines have been landed. */
function lastTime(spool: string, stream: string, timeOf: SpoolOptions['timeOf']): number | null {
  const newest = readSeals(spool, stream).at(-1);
  if (newest === undefined) return null;
  const file = path.join(spool, stream, `${newest.id}.ndjson`);
  if (fs.existsSync(file)) {
    const fd = fs.openSync(file, 'r');
    try {
      const tail = Buffer.alloc(Math.min(newest.bytes, 1 << 20));
      fs.readSync(fd, tail, 0, tail.length, newest.bytes - tail.length);
      for (let end = tail.length - 1; end > 0;) {
        const start = tail.lastIndexOf(0x0a, end - 1) + 1;
        const time = start === 0 && tail.length < newest.bytes ? null : timeOf(tail.subarray(start, end));
        if (time !== null) return time;
        end = start - 1;
      }
    } finally {
      fs.closeSync(fd);
    }
  }
  return newest.sealedMs * 1000;
}
