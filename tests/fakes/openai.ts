import { randomBytes } from 'node:crypto';
import type http from 'node:http';
import { misbehave, sendJson, serveOnLoopback, wait, type Answer, type Fault } from './http.ts';

/**
 * A fake of OpenAI's API: chat completions with structured output, streamed or whole, files and batches, over HTTP, with
 * limits, latency and every way to misbehave that a client has to bear. Its "model" looks for words; it measures nothing,
 * and signs its answers as a fake.
 */
export interface FakeOpenaiOptions {
  /** Keys that it takes; any by default. */
  keys?: readonly string[];
  models?: readonly string[];
  /** Milliseconds until an answer on so many posts is whole. */
  latencyMs?: (posts: number) => number;
  /** Requests under way at once; more are answered 429. */
  maxConcurrent?: number;
  /** Requests in any second; more are answered 429. */
  perSecond?: number;
  /** Seconds in the `retry-after` of a 429. */
  retryAfterSeconds?: number;
  /** Whether the account has credit. */
  credit?: () => boolean;
  /** How it misbehaves on a request; numbered from 1. */
  fault?: (number: number, request: ChatRequest) => ChatFault | undefined;
  /** Answers in its own way, such as a model that does what a post tells it to. */
  model?: (request: ChatRequest) => string;
  /** Polls of a batch until it is done. */
  batchPolls?: number;
  /** Custom ids that a batch's result lacks, or has as an error. */
  batchFails?: (customId: string, text: string) => 'expired' | 'error' | undefined;
}

export type ChatFault =
  | Fault
  | { kind: 'truncated' } // finish_reason length, half the JSON
  | { kind: 'broken off' } // the stream ends, well-formed, without a finish_reason
  | { kind: 'refusal' }
  | { kind: 'content'; content: string };

export interface ChatRequest {
  model: string;
  messages: { role: string; content: string }[];
  stream?: boolean;
  max_tokens?: number;
  response_format?: { json_schema?: { name: string; schema: Record<string, unknown>; strict: boolean } };
}

export interface SeenRequest {
  atMs: number;
  /** Texts of the posts in it. */
  texts: string[];
  request: ChatRequest;
}

export interface FakeOpenai {
  /** With `/v1`, as FEEDTRIAL_LLM_URL wants it. */
  url: string;
  requests: SeenRequest[];
  readonly rejected: number;
  /** Most requests that were under way at once. */
  readonly busiest: number;
  /** Batches that were made. */
  readonly batches: number;
  /** Texts that batches asked about, each as often as it was in one. */
  batchTexts: string[];
  close(): Promise<void>;
}

const fingerprint = 'feedtrial-fake';
const political =
  /senat|congress|vot(e|er|ing)|elect|president|governor|trump|biden|democrat|republican|immigra|abortion|policy|law\b|court|police|protest|war\b|gaza|ukraine|climate|tax|union|rights?\b|government|racis|gender|trans\b/i;

/** Texts of the posts in a request, in their order, with their ids where they have some. */
export function postsIn(request: ChatRequest): { id: string | null; text: string }[] {
  const user = request.messages.find(({ role }) => role === 'user')?.content ?? '{}';
  const data = JSON.parse(user) as { post?: string; posts?: { id: string; text: string }[] };
  return data.posts ?? [{ id: null, text: data.post ?? '' }];
}

/** The answer on a text, with the fields of the schema that was asked for. */
export function answerOn(text: string, schema: Record<string, unknown> | undefined): Record<string, unknown> {
  const fields = JSON.stringify(schema ?? {});
  const isPolitical = political.test(text);
  return {
    ...(fields.includes('is_sociopolitical')
      ? { is_sociopolitical: isPolitical, ideology: isPolitical ? 'unclear' : 'none' }
      : {}),
    ...(fields.includes('is_intergroup') ? { is_intergroup: /\b(they|them|us)\b/i.test(text) } : {}),
  };
}

const wordModel = (request: ChatRequest): string => {
  const schema = request.response_format?.json_schema?.schema;
  const posts = postsIn(request);
  const [only] = posts;
  return JSON.stringify(
    only?.id === null
      ? answerOn(only.text, schema)
      : { results: posts.map(({ id, text }) => ({ ...answerOn(text, schema), id })) },
  );
};

const error = (
  status: number,
  message: string,
  code: string | null,
  type = 'invalid_request_error',
): Answer => ({
  status,
  body: { error: { message, type, param: null, code } },
});

const tokensOf = (text: string): number => Math.ceil(text.length / 4);

export async function startFakeOpenai(options: FakeOpenaiOptions = {}): Promise<FakeOpenai> {
  const { latencyMs = () => 0, maxConcurrent = Infinity, perSecond = Infinity, model = wordModel } = options;
  const requests: SeenRequest[] = [];
  const recent: number[] = [];
  const files = new Map<string, string>();
  interface Batch {
    id: string;
    input: string;
    polls: number;
    metadata: Record<string, string>;
    body: Record<string, unknown>;
  }
  const batches = new Map<string, Batch>();
  const batchTexts: string[] = [];
  let inside = 0;
  let busiest = 0;
  let rejected = 0;
  let counter = 0;

  const usageOf = (request: ChatRequest, content: string) => {
    const input = request.messages.reduce((sum, one) => sum + tokensOf(one.content), 0);
    const output = tokensOf(content);
    return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  };

  const refusalOf = (request: ChatRequest): Answer | null => {
    if (options.models !== undefined && !options.models.includes(request.model))
      return error(404, `The model '${request.model}' does not exist`, 'model_not_found');
    if (options.credit?.() === false)
      return error(
        429,
        'You exceeded your current quota, please check your plan and billing details.',
        'insufficient_quota',
        'insufficient_quota',
      );
    const nowMs = performance.now();
    while (recent.length > 0 && (recent[0] as number) <= nowMs - 1000) recent.shift();
    if (inside > maxConcurrent || recent.length >= perSecond) {
      rejected++;
      return {
        ...error(429, 'Rate limit reached for requests', 'rate_limit_exceeded', 'requests'),
        headers: {
          'retry-after': String(options.retryAfterSeconds ?? 1),
          'x-ratelimit-remaining-requests': '0',
        },
      };
    }
    recent.push(nowMs);
    return null;
  };

  const completionOf = (
    request: ChatRequest,
    content: string | null,
    finish: string,
    refusal: string | null,
  ) => ({
    id: `chatcmpl-fake${++counter}`,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    system_fingerprint: fingerprint,
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal }, logprobs: null, finish_reason: finish },
    ],
    usage: usageOf(request, content ?? refusal ?? ''),
  });

  const stream = async (
    response: http.ServerResponse,
    request: ChatRequest,
    content: string,
    finish: string | null,
    refusal: string | null,
    totalMs: number,
  ): Promise<void> => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const id = `chatcmpl-fake${++counter}`;
    const send = (choices: unknown[], usage: unknown = null): void => {
      const chunk = {
        id,
        object: 'chat.completion.chunk',
        created: 0,
        model: request.model,
        system_fingerprint: fingerprint,
        choices,
        usage,
      };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    const said = refusal ?? content;
    const parts = [said.slice(0, said.length >> 1), said.slice(said.length >> 1)];
    const key = refusal === null ? 'content' : 'refusal';
    await wait(totalMs * 0.4);
    send([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]);
    send([{ index: 0, delta: { [key]: parts[0] }, finish_reason: null }]);
    await wait(totalMs * 0.6);
    send([{ index: 0, delta: { [key]: parts[1] }, finish_reason: null }]);
    if (finish !== null) send([{ index: 0, delta: {}, finish_reason: finish }]);
    send([], usageOf(request, said));
    response.end('data: [DONE]\n\n');
  };

  const chat = async (request: ChatRequest, response: http.ServerResponse): Promise<void> => {
    inside++;
    busiest = Math.max(busiest, inside);
    try {
      const refused = refusalOf(request);
      if (refused) {
        sendJson(response, refused);
        return;
      }
      const texts = postsIn(request).map(({ text }) => text);
      requests.push({ atMs: performance.now(), texts, request });
      const totalMs = latencyMs(texts.length);
      const fault = options.fault?.(requests.length, request);
      let content = model(request);
      let finish: string | null = 'stop';
      let refusal: string | null = null;
      if (fault !== undefined) {
        if (fault.kind === 'truncated') {
          content = content.slice(0, content.length >> 1);
          finish = 'length';
        } else if (fault.kind === 'broken off') {
          content = content.slice(0, content.length >> 1);
          finish = null;
        } else if (fault.kind === 'content') content = fault.content;
        else if (fault.kind === 'refusal') refusal = "I'm sorry, I can't help with that.";
        else {
          await wait(totalMs);
          misbehave(response, fault, completionOf(request, content, 'stop', null));
          return;
        }
      }
      if (request.stream) await stream(response, request, content, finish, refusal, totalMs);
      else {
        await wait(totalMs);
        sendJson(response, {
          status: 200,
          body: completionOf(request, refusal === null ? content : null, finish ?? 'stop', refusal),
        });
      }
    } finally {
      inside--;
    }
  };

  const fileObject = (id: string) => ({
    id,
    object: 'file',
    bytes: files.get(id)?.length ?? 0,
    created_at: 0,
    filename: 'batch.jsonl',
    purpose: 'batch',
    status: 'processed',
  });

  const finish = (batch: Batch): void => {
    const good: string[] = [];
    const bad: string[] = [];
    for (const line of (files.get(batch.input) ?? '').split('\n').filter(Boolean)) {
      const { custom_id, body } = JSON.parse(line) as { custom_id: string; body: ChatRequest };
      const text = postsIn(body)[0]?.text ?? '';
      const fails = options.batchFails?.(custom_id, text);
      const row = (response: unknown, failure: unknown): string =>
        JSON.stringify({ id: `batch_req_${custom_id}`, custom_id, response, error: failure });
      if (fails === 'expired')
        bad.push(
          row(null, {
            code: 'batch_expired',
            message: 'This request could not be executed before the completion window expired.',
          }),
        );
      else if (fails === 'error')
        bad.push(row({ status_code: 500, body: { error: { message: 'internal' } } }, null));
      else
        good.push(
          row(
            { status_code: 200, request_id: 'r', body: completionOf(body, model(body), 'stop', null) },
            null,
          ),
        );
    }
    const output = `file-out-${batch.id}`;
    const errors = `file-err-${batch.id}`;
    files.set(output, good.reverse().join('\n')); // results come in no order
    if (bad.length > 0) files.set(errors, bad.join('\n'));
    Object.assign(batch.body, {
      status: 'completed',
      output_file_id: good.length > 0 ? output : null,
      error_file_id: bad.length > 0 ? errors : null,
      request_counts: { total: good.length + bad.length, completed: good.length, failed: bad.length },
    });
  };

  const served = await serveOnLoopback(async (request, content, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://fake');
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    if (options.keys !== undefined && !options.keys.includes(key)) {
      sendJson(response, error(401, 'Incorrect API key provided.', 'invalid_api_key'));
      return;
    }
    const route = `${request.method ?? ''} ${pathname}`;
    if (route === 'POST /v1/chat/completions') {
      await chat(JSON.parse(content.toString('utf8')) as ChatRequest, response);
      return;
    }
    if (route === 'GET /v1/models') {
      const data = (options.models ?? ['gpt-4o-mini']).map((id) => ({
        id,
        object: 'model',
        created: 0,
        owned_by: fingerprint,
      }));
      sendJson(response, { status: 200, body: { object: 'list', data } });
      return;
    }
    if (route === 'POST /v1/files') {
      const text = content.toString('utf8');
      const id = `file-${randomBytes(6).toString('hex')}`;
      files.set(
        id,
        text
          .split('\r\n')
          .filter((line) => line.startsWith('{'))
          .join('\n'),
      );
      sendJson(response, { status: 200, body: fileObject(id) });
      return;
    }
    if (route === 'POST /v1/batches') {
      const { input_file_id, metadata = {} } = JSON.parse(content.toString('utf8')) as {
        input_file_id: string;
        metadata?: Record<string, string>;
      };
      const id = `batch_${randomBytes(6).toString('hex')}`;
      for (const line of (files.get(input_file_id) ?? '').split('\n').filter(Boolean))
        batchTexts.push(postsIn((JSON.parse(line) as { body: ChatRequest }).body)[0]?.text ?? '');
      const body = {
        id,
        object: 'batch',
        endpoint: '/v1/chat/completions',
        errors: null,
        input_file_id,
        completion_window: '24h',
        status: 'validating',
        output_file_id: null,
        error_file_id: null,
        created_at: 0,
        metadata,
      };
      batches.set(id, { id, input: input_file_id, polls: 0, metadata, body });
      sendJson(response, { status: 200, body });
      return;
    }
    if (route === 'GET /v1/batches') {
      sendJson(response, {
        status: 200,
        body: { object: 'list', data: [...batches.values()].map(({ body }) => body), has_more: false },
      });
      return;
    }
    const [, what, id = '', part] = /^\/v1\/(batches|files)\/([^/]+)(\/content)?$/.exec(pathname) ?? [];
    const batch = batches.get(id);
    if (request.method === 'GET' && what === 'batches' && batch) {
      if (++batch.polls > (options.batchPolls ?? 1) && batch.body['status'] !== 'completed') finish(batch);
      else if (batch.body['status'] === 'validating') batch.body['status'] = 'in_progress';
      sendJson(response, { status: 200, body: batch.body });
      return;
    }
    const file = files.get(id);
    if (request.method === 'GET' && what === 'files' && part && file !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.end(file);
      return;
    }
    sendJson(response, error(404, `Unknown request: ${route}`, null));
  });
  return {
    url: `${served.url}/v1`,
    requests,
    get rejected() {
      return rejected;
    },
    get busiest() {
      return busiest;
    },
    get batches() {
      return batches.size;
    },
    batchTexts,
    close: () => served.close(),
  };
}
