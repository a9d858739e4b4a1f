import path from 'node:path';
import { describeHolder, takeLock, type Lock } from '../../../lake/index.ts';
import { captureErrors } from '../errors.ts';

export type StreamLock = Lock;

/** Where the lock of a stream is. */
export const streamLock = (spool: string, stream: string): string => path.join(spool, `${stream}.lock`);

/**
 * Makes this process the only writer of a stream; a process that died holds nothing.
 * @throws FeedtrialError FT_CAPTURE_LOCKED, naming who holds it
 */
export function lockStream(spool: string, stream: string): StreamLock {
  const file = streamLock(spool, stream);
  const lock = takeLock(file);
  if (lock === null) throw captureErrors.locked(stream, describeHolder(file));
  return lock;
}
