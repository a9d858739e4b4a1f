import {
  liveTombstoneFile,
  liveTombstoneFolder,
  liveTombstoneFromMs,
  liveTombstoneLine,
  type Lake,
} from '../../../lake/index.ts';
import { describeError } from '../../../ops/errors/index.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { findTombstones } from './find.ts';

/** Puts the deletions among captured lines where the feed server sees them, seconds after they came. */
export interface TombstonePublisher {
  /** Looks through lines that go to the spool. Never throws. */
  see(lines: Uint8Array | string): void;
  /** Writes what is still unwritten, if the lake takes it. */
  close(): Promise<void>;
}

export interface TombstonePublisherOptions {
  lake: Lake;
  stream: string;
  runId: string;
  everyMs?: number;
  now?: () => number;
}

/** A file is written whole each time it grows: another begins after so long, or so much. */
const fileForMs = 600_000;
const fileBytes = 1 << 20;
/** As long as the server looks back: what is older can't be in a feed, and landing has put it into the table. */
const keptForMs = 6 * 86_400_000;

/**
 * What is published isn't durable yet, and needn't be: a deletion that a crash takes from the spool comes again, and hiding it a
 * second time changes nothing. What a crash takes from here is in the spool, and hidden once that is landed.
 */
export function openTombstonePublisher(options: TombstonePublisherOptions): TombstonePublisher {
  const { lake, stream, runId, everyMs = 5_000, now = Date.now } = options;
  let fromMs = now();
  let content = '';
  let unwritten = false;
  let failing = false;
  let writing: Promise<void> | null = null;

  const removeOld = async (): Promise<void> => {
    for (const { path } of await lake.list(`${liveTombstoneFolder}/${stream}`)) {
      const began = liveTombstoneFromMs(path);
      if (began !== null && now() - began > keptForMs) await lake.remove(path);
    }
  };

  const write = async (): Promise<void> => {
    if (!unwritten) return;
    unwritten = false;
    try {
      await lake.write(liveTombstoneFile(stream, fromMs, runId), content);
      failing = false;
      if (now() - fromMs < fileForMs && content.length < fileBytes) return;
      if (unwritten) return; // more has come meanwhile: it belongs to this file
      fromMs = now();
      content = '';
      await removeOld();
    } catch (error) {
      unwritten = true;
      if (!failing)
        log.error('deletions can not be told to the feed server before they are landed', {
          error: describeError(error),
        });
      failing = true;
    }
  };
  const flush = (): Promise<void> => (writing ??= write().finally(() => (writing = null)));
  const timer = setInterval(() => void flush(), everyMs);
  timer.unref();

  return {
    see(lines) {
      const bytes =
        typeof lines === 'string'
          ? Buffer.from(lines)
          : Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
      for (const tombstone of findTombstones(bytes)) {
        content += liveTombstoneLine(tombstone);
        unwritten = true;
      }
    },
    async close() {
      clearInterval(timer);
      await writing;
      await flush();
    },
  };
}
