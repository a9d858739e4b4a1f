import { z } from 'zod';
import { describeError } from '../../ops/errors/index.ts';
import { redact } from '../../ops/telemetry/index.ts';
import { post } from '../service/post.ts';
import { retryAfterMs } from '../service/retry-after.ts';

/** What came of one request, told apart by what is to be done about it. */
export type Outcome =
  | { kind: 'scored'; scores: Map<string, number> }
  /** These attributes don't know the language; the others may. */
  | { kind: 'language'; attributes: string[]; said: string }
  /** The service doesn't have these attributes any more. */
  | { kind: 'unknown attribute'; attributes: string[]; said: string }
  /** Nothing in this text can be scored, now or later. */
  | { kind: 'refused'; code: string; said: string }
  | { kind: 'too fast'; waitMs: number | null; said: string }
  /** This key's quota of the day is used up. */
  | { kind: 'quota'; said: string }
  | { kind: 'bad key'; said: string }
  | { kind: 'closed'; said: string }
  /** May go well the next time: 5xx, a timeout, a reset, an answer that is no JSON. */
  | { kind: 'transient'; said: string };

const scored = z.object({
  attributeScores: z
    .record(z.string(), z.object({ summaryScore: z.object({ value: z.number() }) }))
    .optional(),
});

const failed = z.object({
  error: z.object({
    message: z.string().default(''),
    status: z.string().default(''),
    details: z
      .array(
        z.object({
          errorType: z.string().optional(),
          reason: z.string().optional(),
          metadata: z.record(z.string(), z.unknown()).optional(),
          languageNotSupportedByAttributeError: z.object({ attribute: z.string().optional() }).optional(),
        }),
      )
      .default([]),
  }),
});

const timeoutMs = 20_000;

export interface AnalyzeRequest {
  url: string;
  key: string;
  text: string;
  /** Names in the API. */
  attributes: readonly string[];
  /** Called when the request has left, and again at the end, whether or not it left. */
  onSent?: () => void;
}

/** Attributes that a message speaks of, such as "Attribute SPAM does not support request languages: de". */
const namesIn = (message: string, asked: readonly string[]): string[] => {
  const words = new Set(message.match(/[A-Z][A-Z_]+/g) ?? []);
  return asked.filter((name) => words.has(name));
};

function judge(status: number, headers: Headers, body: unknown, asked: readonly string[]): Outcome {
  const parsed = failed.safeParse(body);
  if (!parsed.success)
    return status === 404 || status === 410
      ? { kind: 'closed', said: `HTTP ${status}` }
      : { kind: 'transient', said: `HTTP ${status}` };
  const { message, status: name, details } = parsed.data.error;
  const said = redact(`HTTP ${status} ${name}: ${message}`).slice(0, 300);
  const type = details.find((detail) => detail.errorType !== undefined)?.errorType;
  const reasons = details.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));

  if (status === 429) {
    const limits = details.map(({ metadata }) => JSON.stringify(metadata ?? {})).join(' ');
    return /per ?day/i.test(`${message} ${limits}`)
      ? { kind: 'quota', said }
      : { kind: 'too fast', waitMs: retryAfterMs(headers, Date.now()), said };
  }
  if (status >= 500) return { kind: 'transient', said };
  if (status === 401 || status === 403 || reasons.includes('API_KEY_INVALID') || /api key/i.test(message))
    return { kind: 'bad key', said };
  if (status === 404 || status === 410) return { kind: 'closed', said };
  if (type === 'LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE' || /does not support request languages/i.test(message)) {
    const named = details.flatMap(({ languageNotSupportedByAttributeError: one }) => one?.attribute ?? []);
    const known = [...new Set([...named, ...namesIn(message, asked)])].filter((one) => asked.includes(one));
    return known.length > 0
      ? { kind: 'language', attributes: known, said }
      : { kind: 'refused', code: 'FT_PERSPECTIVE_LANGUAGE', said };
  }
  if (/unknown requested attribute/i.test(message)) {
    const known = namesIn(message, asked);
    if (known.length > 0) return { kind: 'unknown attribute', attributes: known, said };
  }
  if (type === 'COMMENT_EMPTY') return { kind: 'refused', code: 'FT_PERSPECTIVE_EMPTY', said };
  if (type === 'COMMENT_TOO_LONG') return { kind: 'refused', code: 'FT_PERSPECTIVE_TOO_LONG', said };
  if (type === 'LANGUAGE_DETECTION_FAILED') return { kind: 'refused', code: 'FT_PERSPECTIVE_LANGUAGE', said };
  return { kind: 'transient', said };
}

/**
 * Asks Perspective's `comments:analyze` (v1alpha1) about one text, once. The key goes into a header, where no log of
 * addresses shows it. The text is said to be English, since only such posts are asked about: otherwise a short one may be
 * taken for another language, in which half of the attributes don't exist. The service is asked to keep nothing.
 */
export async function analyze(request: AnalyzeRequest): Promise<Outcome> {
  const { url, key, text, attributes, onSent = () => undefined } = request;
  let status: number;
  let headers: Headers;
  let body: unknown;
  try {
    const answer = await post({
      url: `${url}/v1alpha1/comments:analyze`,
      headers: { 'content-type': 'application/json', 'x-goog-api-key': key },
      body: JSON.stringify({
        comment: { text, type: 'PLAIN_TEXT' },
        languages: ['en'],
        requestedAttributes: Object.fromEntries(attributes.map((name) => [name, {}])),
        doNotStore: true,
      }),
      timeoutMs,
      onSent,
    });
    ({ status, headers } = answer);
    try {
      body = JSON.parse(answer.content);
    } catch (error) {
      if (status >= 200 && status < 300)
        return { kind: 'transient', said: `an answer that is no JSON: ${describeError(error)}` };
      body = null;
    }
  } catch (error) {
    return { kind: 'transient', said: redact(describeError(error)) };
  } finally {
    onSent();
  }
  if (status !== 200) return judge(status, headers, body, attributes);
  const parsed = scored.safeParse(body);
  if (!parsed.success) return { kind: 'transient', said: 'an answer of another shape than documented' };
  const scores = new Map(
    Object.entries(parsed.data.attributeScores ?? {}).map(([name, { summaryScore }]) => [
      name,
      summaryScore.value,
    ]),
  );
  return { kind: 'scored', scores };
}
