import { describeError } from '../ops/errors/index.ts';
import { log } from '../ops/telemetry/index.ts';
import { noteFirstRequest, type Member, type StudyStore } from '../study/index.ts';

/** Tells the study store who has asked for the feed for the first time, beside the answers. */
export interface FirstRequests {
  /** To be called for each request that a participant signed. */
  note(member: Member): void;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

const atOnce = 4; // each is a transaction; who finds no place is noted at their next request

export function openFirstRequests(store: StudyStore, study: string, now: () => number): FirstRequests {
  const noting = new Map<string, Promise<void>>();
  return {
    note({ participantId, hasAsked }) {
      if (hasAsked || noting.has(participantId) || noting.size >= atOnce) return;
      const noted = noteFirstRequest(store, { study, participantId, askedUs: Math.round(now() * 1000) })
        .then(
          () => undefined,
          (error: unknown) => {
            log.error('a first request could not be noted', { participantId, error: describeError(error) });
          },
        )
        .finally(() => noting.delete(participantId));
      noting.set(participantId, noted);
    },
    async close() {
      await Promise.all(noting.values());
    },
  };
}
