import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Labeler } from '../../../enrich/index.ts';

/**
 * A labeler for tests (it labels nothing real): writes down each URI before it answers, as a service that bills each ask
 * would, and answers with a number that only this process gives.
 */
export function recordingLabeler(asksFile: string, mark: number, msPerBatch: number): Labeler {
  return {
    name: 'recording',
    labels: ['mark'],
    batchSize: 5,
    concurrency: 3,
    ratePerSecond: null,
    version: async () => '1',
    async open() {
      return {
        async ask(posts) {
          appendFileSync(asksFile, posts.map((post) => `${post.uri}\n`).join(''));
          await sleep(msPerBatch);
          return posts.map(() => ({ status: 'ok', values: [{ label: 'mark', score: mark }] }));
        },
        async close() {},
      };
    },
  };
}

/** URIs in the order in which they were asked about. */
export const asksIn = (asksFile: string): string[] =>
  existsSync(asksFile) ? readFileSync(asksFile, 'utf8').split('\n').filter(Boolean) : [];
