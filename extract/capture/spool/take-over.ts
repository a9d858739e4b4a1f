import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { FeedtrialError } from '../../../ops/errors/index.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { captureErrors } from '../errors.ts';
import { lockStream, type StreamLock } from './lock.ts';

/**
 * How a stream passes from one capture to the next, such as jobs of a cluster that may run for so long: the successor
 * leaves a request in the spool and waits for the lock; its predecessor sees it, seals and goes. The request is a file, so
 * that it works between machines that share the spool; the lock is the operating system's, so that a dead process is
 * followed at once.
 */
const requestFile = (spool: string, stream: string): string => path.join(spool, `${stream}.takeover`);

const locked = (error: unknown): boolean =>
  error instanceof FeedtrialError && error.code === 'FT_CAPTURE_LOCKED';

/** Takes a stream's lock. What somebody asked of an earlier holder is void; who still waits asks again. */
export function takeStream(spool: string, stream: string): StreamLock {
  const lock = lockStream(spool, stream);
  fs.rmSync(requestFile(spool, stream), { force: true });
  return lock;
}

/**
 * Takes a stream over from whoever has it.
 * @throws FeedtrialError FT_CAPTURE_LOCKED if the holder hasn't gone within `waitMs`
 */
export async function takeOver(
  spool: string,
  stream: string,
  { waitMs = 30_000, signal }: { waitMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<StreamLock> {
  const request = requestFile(spool, stream);
  const beganMs = performance.now();
  let askedMs = -Infinity;
  for (;;) {
    try {
      return takeStream(spool, stream);
    } catch (error) {
      if (!locked(error)) throw error;
      if (askedMs === -Infinity) log.info('asks the capture that has the stream to end', { stream });
      if (performance.now() - beganMs > waitMs || signal?.aborted === true) {
        fs.rmSync(request, { force: true });
        throw signal?.aborted === true ? error : captureErrors.notTakenOver(stream, waitMs, error as Error);
      }
      if (performance.now() - askedMs > 1_000) {
        askedMs = performance.now();
        fs.writeFileSync(request, `process ${process.pid} on ${os.hostname()}\n`);
      }
      await wait(50, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Calls back, once, when a successor asks for the stream. Returns what ends the watch. */
export function watchForSuccessor(spool: string, stream: string, onAsked: () => void): () => void {
  const request = requestFile(spool, stream);
  const timer = setInterval(() => {
    if (!fs.existsSync(request)) return;
    clearInterval(timer);
    log.info('a successor asks for the stream: capture seals and ends', { stream });
    onAsked();
  }, 100);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
