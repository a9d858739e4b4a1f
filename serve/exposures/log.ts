import fs from 'node:fs';
import path from 'node:path';
import { openSegmentWriter, recoverSegments, takeLock, type Lock } from '../../lake/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { log } from '../../ops/telemetry/index.ts';
import { serveErrors } from '../errors.ts';

/** What a server has shown and been told, line by line, on its way to `raw/exposures` and `raw/interactions`. */
export interface ExposureLog {
  /**
   * Adds a line; resolves once the operating system has it, so that it survives the death of this process. All lines of one
   * turn of the event loop go in one write.
   */
  write(line: object): Promise<void>;
  /** The same for a line that is JSON already, without its newline. */
  writeJson(line: string): Promise<void>;
  /** Stream in the spool that this server writes. */
  readonly stream: string;
  readonly lines: number;
  /** False after a write that failed, until one succeeds; while there is none, one is tried every second. */
  readonly healthy: boolean;
  close(): Promise<void>;
}

export interface ExposureLogOptions {
  spool: string;
  now?: () => number;
  /** Default 100 ms: what a power cut may take. */
  syncEveryMs?: number;
}

const format = 'exposures/1';
const maxWriters = 64;
const lockName = 'writer.lock';

/** More than an answer's lines ever take. */
const probeBytes = 64 << 10;

/** Writes as much as an answer would, and takes it away again. @throws whatever the disk says */
function probe(folder: string): void {
  const file = path.join(folder, 'probe.tmp');
  try {
    fs.writeFileSync(file, Buffer.alloc(probeBytes));
  } finally {
    fs.rmSync(file, { force: true });
  }
}

const streamName = (n: number) => (n === 1 ? 'serve' : `serve-${n}`);

const lockStream = (spool: string, stream: string): Lock | null =>
  takeLock(path.join(spool, stream, lockName));

const recover = (spool: string, stream: string, now: () => number): void => {
  const seals = recoverSegments({ spool, stream, format, cursorOf: () => null, now });
  for (const seal of seals)
    log.warn('sealed what a dead server left', { stream, segment: seal.id, lines: seal.lines });
};

/** Seals what dead servers left in the other streams. A stream whose lock can be had has no living writer. */
function recoverOthers(spool: string, own: string, now: () => number): void {
  for (const entry of fs.readdirSync(spool, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own || !/^serve(-\d+)?$/.test(entry.name)) continue;
    const lock = lockStream(spool, entry.name);
    if (lock === null) continue;
    try {
      recover(spool, entry.name, now);
    } finally {
      lock.release();
    }
  }
}

/**
 * Opens the log. Each server process writes a stream of its own (`serve`, `serve-2`, …), the first whose lock is free, and
 * first seals what a killed one left there.
 * @throws FeedtrialError FT_SERVE_WRITERS where too many servers share one spool
 */
export function openExposureLog(options: ExposureLogOptions): ExposureLog {
  const { spool, now = Date.now, syncEveryMs = 100 } = options;
  let lock: Lock | null = null;
  let stream = '';
  for (let n = 1; lock === null; n++) {
    if (n > maxWriters) throw serveErrors.tooManyServers(spool);
    stream = streamName(n);
    lock = lockStream(spool, stream);
  }
  const held = lock;
  recover(spool, stream, now);
  recoverOthers(spool, stream, now);
  const writer = openSegmentWriter({ spool, stream, format, now });

  let waiting: { text: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let lines = 0;
  let healthy = true;
  let syncing = false;
  let closed = false;

  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      // all or none: what could not be written is refused, and must never be landed as if it had been shown
      writer.appendOrNothing(batch.map(({ text }) => text).join(''), batch.length);
      healthy = true;
      lines += batch.length;
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (healthy) log.error('exposures can not be written', { error: describeError(error) });
      healthy = false;
      for (const { reject } of batch) reject(error);
    }
  };

  const inBackground = (step: () => Promise<unknown>): void => {
    step().catch((error: unknown) => {
      if (healthy) log.error('exposures can not be made durable', { error: describeError(error) });
      healthy = false;
    });
  };
  const syncTimer = setInterval(() => {
    if (syncing || writer.pendingBytes === 0) return;
    syncing = true;
    inBackground(() => writer.sync().finally(() => (syncing = false)));
  }, syncEveryMs);
  const sealTimer = setInterval(() => {
    inBackground(async () => {
      if (!healthy) {
        // a balancer sends no reader to a server that is not ready, so that only this finds out that there is room again
        probe(path.join(spool, stream));
        healthy = true;
        log.info('exposures can be written again');
      }
      await writer.rotateIfDue();
    });
  }, 1_000);
  const recoverTimer = setInterval(() => {
    inBackground(async () => {
      recoverOthers(spool, stream, now);
    });
  }, 60_000);
  for (const timer of [syncTimer, sealTimer, recoverTimer]) timer.unref();

  const writeJson = (line: string): Promise<void> => {
    if (closed) return Promise.reject(new Error('the exposure log is closed'));
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ text: `${line}\n`, resolve, reject });
    });
  };

  return {
    write: (line) => writeJson(JSON.stringify(line)),
    writeJson,
    stream,
    get lines() {
      return lines;
    },
    get healthy() {
      return healthy;
    },
    async close() {
      for (const timer of [syncTimer, sealTimer, recoverTimer]) clearInterval(timer);
      flush();
      closed = true;
      await writer.close();
      held.release();
    },
  };
}
