import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../../ops/telemetry/index.ts';
import type { Answer, Labeler, Missing, QueuedPost } from '../labeler.ts';
import { analyze } from '../perspective/analyze.ts';
import { attributes } from '../perspective/attributes.ts';
import { perspectiveErrors } from '../perspective/errors.ts';
import { openKeyRing, type Key } from '../perspective/keys.ts';
import { backoffMs } from '../service/retry-after.ts';

/** Tries of one post at one attempt, where the service fails by accident. */
const tries = 4;
/** Posts in a row that failed by accident; more, and the service is taken to be down. */
const failuresInARow = 25;
/** Answers in a row that it was too fast, at all keys together; more, and the rate is wrong. */
const tooFastInARow = 200;
/** Seconds that an answer, and its way to the disk, take at most where a key's rate is still kept up. */
const latencySeconds = 5;

/**
 * Perspective's probabilities for the study's 21 attributes, one request a post. Its end is in seeds/labelers.csv
 * (`asked_until`), where SQL looks.
 */
export const perspective: Labeler = {
  name: 'perspective',
  labels: attributes.map(({ label }) => label),
  batchSize: 1,
  concurrency: ({ perspectiveKeys, perspectiveRate }) =>
    Math.max(1, perspectiveKeys.length) * perspectiveRate * latencySeconds,
  ratePerSecond: null, // each key has its own
  version: async () => 'v1alpha1-2',
  notReady: ({ perspectiveKeys }) => (perspectiveKeys.length === 0 ? perspectiveErrors.noKeys() : null),
  async open({ config, shard }) {
    if (config.perspectiveKeys.length === 0) throw perspectiveErrors.noKeys();
    const keys = openKeyRing(config.perspectiveKeys, config.perspectiveRate, shard?.count);
    const gone = new Map<string, string>(); // attributes that the service no longer has, and what it said
    let failedInARow = 0;
    let tooFast = 0;
    let lastSaid = '';

    const nextKey = (): Key => {
      const key = keys.next();
      if (key !== null) return key;
      throw keys.out.quota > 0
        ? perspectiveErrors.quota(config.perspectiveKeys.length)
        : perspectiveErrors.badKeys(lastSaid);
    };

    const askOne = async (post: QueuedPost, signal: AbortSignal): Promise<Answer> => {
      if (post.text.trim() === '')
        return { status: 'skipped', error: 'FT_PERSPECTIVE_EMPTY: there is no text to score' };
      const withoutLanguage = new Map<string, string>();
      const startedMs = performance.now();
      for (let failures = 0; ;) {
        const key = nextKey();
        // what is on its way is paid for and is waited for: a stop ends only the waiting for a turn
        const turn = await key.pacer.take(signal);
        if (!keys.has(key)) {
          turn.left();
          continue;
        }
        const asked = attributes.filter(({ name }) => !gone.has(name) && !withoutLanguage.has(name));
        if (asked.length === 0) {
          turn.left();
          return {
            status: 'refused',
            error: `FT_PERSPECTIVE_LANGUAGE: no attribute for it, ${[...withoutLanguage.values(), ...gone.values()].at(-1)}`,
          };
        }
        const outcome = await analyze({
          url: config.perspectiveUrl,
          key: key.value,
          text: post.text,
          attributes: asked.map(({ name }) => name),
          onSent: turn.left,
        });
        if (outcome.kind !== 'scored') lastSaid = outcome.said;
        if (outcome.kind !== 'too fast') tooFast = 0;
        if (outcome.kind !== 'transient') failedInARow = 0;
        switch (outcome.kind) {
          case 'scored': {
            const usage = { latencyMs: performance.now() - startedMs };
            const without: Missing[] = attributes.flatMap(({ label, name }) => {
              if (outcome.scores.has(name)) return [];
              const said = withoutLanguage.get(name);
              if (said !== undefined) return [{ label, error: `FT_PERSPECTIVE_LANGUAGE: ${said}` }];
              const why = gone.get(name) ?? 'it was asked for and not answered';
              return [{ label, error: `FT_PERSPECTIVE_ATTRIBUTE: ${why}` }];
            });
            const values = attributes.flatMap(({ label, name }) => {
              const score = outcome.scores.get(name);
              return score === undefined ? [] : [{ label, score }];
            });
            return values.length > 0
              ? { status: 'ok', values, without, usage }
              : { status: 'failed', error: 'FT_PERSPECTIVE_ANSWER: an answer without any score', usage };
          }
          case 'language':
            for (const name of outcome.attributes) withoutLanguage.set(name, outcome.said);
            break;
          case 'unknown attribute':
            for (const name of outcome.attributes) {
              if (!gone.has(name)) log.warn('Perspective no longer has an attribute', { attribute: name });
              gone.set(name, outcome.said);
            }
            break;
          case 'refused':
            return { status: 'refused', error: `${outcome.code}: ${outcome.said}` };
          case 'too fast':
            if (++tooFast > tooFastInARow) throw perspectiveErrors.tooFast(outcome.said);
            key.pacer.pauseUntil(performance.now() + (outcome.waitMs ?? 1_000));
            break;
          case 'quota':
          case 'bad key':
            if (keys.remove(key, outcome.kind))
              log.warn('a Perspective key is out', {
                number: config.perspectiveKeys.indexOf(key.value) + 1,
                why: outcome.kind,
              });
            break;
          case 'closed':
            throw perspectiveErrors.closed(outcome.said);
          case 'transient':
            if (++failures < tries) {
              await sleep(backoffMs(failures), undefined, { signal });
              break;
            }
            if (++failedInARow >= failuresInARow) throw perspectiveErrors.down(failedInARow, outcome.said);
            return { status: 'failed', error: `FT_PERSPECTIVE_FAILED: ${outcome.said}` };
        }
      }
    };
    return {
      ask: (posts, signal) => Promise.all(posts.map((post) => askOne(post, signal))),
      async close() {},
    };
  },
};
