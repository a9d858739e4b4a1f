import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Makes and checks the signed word that ties what a client reports to the answer that it is about. */
export interface AnswerContext {
  /** A new answer's id and its signed context for one participant (null for everyone else). */
  issue(participantId: string | null): { reqId: string; feedContext: string };
  /** The answer's id where the context bears our signature for this participant; null otherwise. */
  check(feedContext: string, participantId: string | null): string | null;
}

const version = 'v1';

/**
 * @param key secret of at least 16 characters, the same for all servers of a study
 * @param random 16 bytes an answer
 */
export function openAnswerContext(key: string, random: () => Buffer = () => randomBytes(16)): AnswerContext {
  // The participant is part of what is signed and not of what is sent: a context can't be used by someone else.
  const sign = (reqId: string, participantId: string | null): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([version, reqId, participantId]))
      .digest()
      .subarray(0, 16)
      .toString('base64url');
  return {
    issue(participantId) {
      const reqId = random().toString('base64url');
      return { reqId, feedContext: `${version}.${reqId}.${sign(reqId, participantId)}` };
    },
    check(feedContext, participantId) {
      const match = /^v1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/.exec(feedContext);
      if (match === null) return null;
      const [, reqId, given] = match as unknown as [string, string, string];
      const good = timingSafeEqual(Buffer.from(sign(reqId, participantId)), Buffer.from(given));
      return good ? reqId : null;
    },
  };
}
