import { createHash } from 'node:crypto';
import { misbehave, sendJson, serveOnLoopback, wait, type Answer, type Fault } from './http.ts';

/**
 * A fake Perspective: speaks `comments:analyze` of the Comment Analyzer API (v1alpha1) over HTTP, with its limits and its
 * errors, and gives every attribute a number that depends on the text alone. It measures nothing.
 */
export interface FakePerspectiveOptions {
  /** Keys that it takes; any by default. */
  keys?: readonly string[];
  /** Requests that a key may make in any second; more are answered 429. Default 100. */
  perSecond?: number;
  /** Requests that a key may make at all, as in a day. */
  perDay?: number;
  /** Milliseconds between request and answer. */
  latencyMs?: number | (() => number);
  /** Attributes that it doesn't have, as after a change of the service. */
  unknownAttributes?: readonly string[];
  /** Attributes that it leaves out of its answers without a word. */
  silentAttributes?: readonly string[];
  /** Attributes that don't know the language of a text; none by default. */
  languageFails?: (text: string, attribute: string) => boolean;
  /** How it misbehaves on a request; numbered from 1. */
  fault?: (number: number, text: string) => Fault | undefined;
}

export interface FakeRequest {
  /** Milliseconds, monotonic, on arrival. */
  atMs: number;
  key: string;
  text: string;
  attributes: string[];
  /** Address, where a key must not be. */
  path: string;
}

export interface FakePerspective {
  url: string;
  requests: FakeRequest[];
  /** Answers 429 that it gave. */
  readonly rejected: number;
  close(): Promise<void>;
}

const error = (status: number, name: string, message: string, details: unknown[] = []): Answer => ({
  status,
  body: { error: { code: status, message, status: name, details } },
});

const analyzerError = (message: string, errorType: string, more: object = {}): Answer =>
  error(400, 'INVALID_ARGUMENT', message, [
    { '@type': 'type.googleapis.com/google.commentanalyzer.v1alpha1.Error', errorType, ...more },
  ]);

const quotaError = (limit: 'minute' | 'day'): Answer => ({
  ...error(
    429,
    'RESOURCE_EXHAUSTED',
    `Quota exceeded for quota metric 'Analysis requests (AnalyzeComment)' and limit 'Analysis requests (AnalyzeComment) per ${limit}' of service 'commentanalyzer.googleapis.com' for consumer 'project_number:1'.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'RATE_LIMIT_EXCEEDED',
        domain: 'googleapis.com',
        metadata: { quota_limit: `AnalyzeCommentPer${limit === 'day' ? 'Day' : 'Minute'}PerProject` },
      },
    ],
  ),
  ...(limit === 'minute' ? { headers: { 'retry-after': '1' } } : {}),
});

/** The number that the fake gives, from 0 to 1. */
export const fakeScore = (attribute: string, text: string): number =>
  createHash('md5').update(`${attribute} ${text}`).digest().readUInt32BE(0) / 2 ** 32;

/** The most requests that any second from one request on held, of those with this key. */
export function busiestSecond(requests: readonly { atMs: number; key: string }[], key?: string): number {
  const times = requests
    .filter((one) => key === undefined || one.key === key)
    .map(({ atMs }) => atMs)
    .sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; first < times.length; first++) {
    while (last < times.length && (times[last] as number) < (times[first] as number) + 1000) last++;
    most = Math.max(most, last - first);
  }
  return most;
}

export async function startFakePerspective(options: FakePerspectiveOptions = {}): Promise<FakePerspective> {
  const {
    perSecond = 100,
    perDay = Infinity,
    latencyMs = 0,
    unknownAttributes = [],
    silentAttributes = [],
  } = options;
  const requests: FakeRequest[] = [];
  const recent = new Map<string, number[]>();
  const counts = new Map<string, number>();
  let rejected = 0;

  const answerTo = (key: string, atMs: number, body: Record<string, unknown>): Answer => {
    if (options.keys !== undefined && !options.keys.includes(key))
      return error(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'API_KEY_INVALID',
          domain: 'googleapis.com',
        },
      ]);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count > perDay) return quotaError('day');
    const inSecond = (recent.get(key) ?? []).filter((ms) => ms > atMs - 1000);
    recent.set(key, inSecond);
    if (inSecond.length >= perSecond) {
      rejected++;
      return quotaError('minute');
    }
    inSecond.push(atMs);
    const text = (body['comment'] as { text?: string } | undefined)?.text ?? '';
    const asked = Object.keys((body['requestedAttributes'] as object | undefined) ?? {});
    if (text === '') return analyzerError('Comment must be non-empty.', 'COMMENT_EMPTY');
    if (Buffer.byteLength(text) > 20_480) return analyzerError('Comment text too long.', 'COMMENT_TOO_LONG');
    if (asked.length === 0) return analyzerError('Missing requested_attributes', 'NO_REQUESTED_ATTRIBUTES');
    const unknown = asked.find((name) => unknownAttributes.includes(name));
    if (unknown !== undefined)
      return analyzerError(`Unknown requested attribute: ${unknown}`, 'INVALID_REQUEST');
    const foreign = asked.find((name) => options.languageFails?.(text, name));
    if (foreign !== undefined)
      return analyzerError(
        `Attribute ${foreign} does not support request languages: de`,
        'LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE',
        { languageNotSupportedByAttributeError: { detectedLanguages: ['de'], attribute: foreign } },
      );
    const scores: [string, object][] = asked
      .filter((name) => !silentAttributes.includes(name))
      .map((name): [string, object] => {
        const score = { value: fakeScore(name, text), type: 'PROBABILITY' };
        return [name, { spanScores: [{ begin: 0, end: text.length, score }], summaryScore: score }];
      });
    return {
      status: 200,
      body: { attributeScores: Object.fromEntries(scores), languages: ['en'], detectedLanguages: ['en'] },
    };
  };

  const served = await serveOnLoopback(async (request, content, response) => {
    const atMs = performance.now();
    const address = new URL(request.url ?? '/', 'http://fake');
    if (request.method !== 'POST' || address.pathname !== '/v1alpha1/comments:analyze') {
      sendJson(response, error(404, 'NOT_FOUND', 'Method not found.'));
      return;
    }
    const key =
      (request.headers['x-goog-api-key'] as string | undefined) ?? address.searchParams.get('key') ?? '';
    const body = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
    const text = (body['comment'] as { text?: string } | undefined)?.text ?? '';
    requests.push({
      atMs,
      key,
      text,
      attributes: Object.keys((body['requestedAttributes'] as object | undefined) ?? {}),
      path: request.url ?? '',
    });
    const answer = answerTo(key, atMs, body);
    const fault = options.fault?.(requests.length, text);
    await wait(typeof latencyMs === 'number' ? latencyMs : latencyMs());
    if (fault) misbehave(response, fault, answer.body);
    else sendJson(response, answer);
  });
  return {
    url: served.url,
    requests,
    get rejected() {
      return rejected;
    },
    close: () => served.close(),
  };
}
