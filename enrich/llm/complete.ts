import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type OpenAI from 'openai';
import { describeError } from '../../ops/errors/index.ts';
import { count, measure, redact } from '../../ops/telemetry/index.ts';
import { retryAfterMs } from '../service/retry-after.ts';
import type { Message, Question } from './conversation.ts';

/** What came of one request, told apart by what is to be done about it. */
export type Completion =
  | { kind: 'answered'; content: string; usage: TokenUsage; truncated: boolean }
  | { kind: 'refused'; said: string; usage: TokenUsage }
  | { kind: 'too fast'; waitMs: number | null; said: string }
  | { kind: 'no credit'; said: string }
  | { kind: 'bad key'; said: string }
  | { kind: 'bad model'; said: string }
  /** The request itself is wrong, such as a text that is too long for the model: it won't go well the next time. */
  | { kind: 'bad request'; said: string }
  /** May go well the next time: 5xx, a timeout, a reset. */
  | { kind: 'transient'; said: string };

export interface TokenUsage {
  input: number;
  output: number;
}

export interface Endpoint {
  client: OpenAI;
  model: string;
  /** US dollars a million tokens. */
  price: { input: number; output: number };
  timeoutMs: number;
  /** Told what answered, by its `system_fingerprint`. */
  onFingerprint?: (fingerprint: string) => void;
}

export const costOf = (usage: TokenUsage, price: Endpoint['price']): number =>
  (usage.input * price.input + usage.output * price.output) / 1e6;

/** Tokens of a text, guessed from above where a service doesn't count: most texts have fewer. */
export const guessTokens = (text: string): number => Math.ceil(text.length / 3);

interface ApiFailure {
  status?: number;
  code?: string | null;
  headers?: Headers;
  message?: string;
  name?: string;
}

function judge(error: unknown): Completion {
  const { status, code, headers, message = '' } = error as ApiFailure;
  const cause = error instanceof Error && error.cause !== undefined ? ` (${describeError(error.cause)})` : '';
  const said = redact(describeError(error) + cause).slice(0, 300);
  if (status === 429)
    return code === 'insufficient_quota' || /insufficient.quota|billing/i.test(message)
      ? { kind: 'no credit', said }
      : { kind: 'too fast', waitMs: headers ? retryAfterMs(headers, Date.now()) : null, said };
  if (status === 402) return { kind: 'no credit', said };
  if (status === 401 || status === 403) return { kind: 'bad key', said };
  if (status === 404 || code === 'model_not_found') return { kind: 'bad model', said };
  if (code === 'content_filter' || code === 'content_policy_violation')
    return { kind: 'refused', said, usage: { input: 0, output: 0 } };
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 409)
    return { kind: 'bad request', said };
  return { kind: 'transient', said };
}

/**
 * Sends one request, once, and streams its answer, so that the time to the first token is known. Leaves a span by
 * OpenTelemetry's conventions for generative AI, with tokens, cost and that time; texts are not in it.
 */
export async function complete(
  endpoint: Endpoint,
  question: Pick<Question, 'schema' | 'schemaName'>,
  messages: readonly Message[],
  maxTokens: number,
): Promise<Completion> {
  const { client, model, price, timeoutMs } = endpoint;
  const tracer = trace.getTracer('feedtrial');
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai', // the protocol; server.address says who it is
    'gen_ai.request.model': model,
    'server.address': new URL(client.baseURL).hostname,
  };
  return tracer.startActiveSpan(`chat ${model}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    span.setAttributes({ 'gen_ai.request.max_tokens': maxTokens, 'gen_ai.output.type': 'json' });
    const startedMs = performance.now();
    const inSeconds = () => (performance.now() - startedMs) / 1000;
    let completion: Completion;
    try {
      const stream = await client.chat.completions.create(
        {
          model,
          messages: [...messages],
          temperature: 0,
          max_tokens: maxTokens,
          stream: true,
          stream_options: { include_usage: true },
          response_format: {
            type: 'json_schema',
            json_schema: { name: question.schemaName, schema: question.schema, strict: true },
          },
        },
        { signal: AbortSignal.timeout(timeoutMs) },
      );
      let content = '';
      let refusal = '';
      let finish: string | null = null;
      let usage: TokenUsage | null = null;
      let firstTokenSeconds: number | null = null;
      for await (const chunk of stream) {
        const [choice] = chunk.choices;
        if (firstTokenSeconds === null && (choice?.delta.content || choice?.delta.refusal))
          firstTokenSeconds = inSeconds();
        content += choice?.delta.content ?? '';
        refusal += choice?.delta.refusal ?? '';
        finish = choice?.finish_reason ?? finish;
        if (chunk.usage) usage = { input: chunk.usage.prompt_tokens, output: chunk.usage.completion_tokens };
        if (chunk.system_fingerprint) endpoint.onFingerprint?.(chunk.system_fingerprint);
        span.setAttribute('gen_ai.response.id', chunk.id);
        span.setAttribute('gen_ai.response.model', chunk.model);
      }
      usage ??= {
        input: messages.reduce((sum, message) => sum + guessTokens(message.content), 0),
        output: guessTokens(content),
      };
      const cost = costOf(usage, price);
      span.setAttributes({
        'gen_ai.usage.input_tokens': usage.input,
        'gen_ai.usage.output_tokens': usage.output,
        'feedtrial.cost_usd': cost,
      });
      if (finish !== null) span.setAttribute('gen_ai.response.finish_reasons', [finish]);
      if (firstTokenSeconds !== null) {
        span.setAttribute('gen_ai.response.time_to_first_chunk', firstTokenSeconds);
        measure('gen_ai.client.operation.time_to_first_chunk', firstTokenSeconds, attributes);
      }
      measure('gen_ai.client.token.usage', usage.input, { ...attributes, 'gen_ai.token.type': 'input' });
      measure('gen_ai.client.token.usage', usage.output, { ...attributes, 'gen_ai.token.type': 'output' });
      count('feedtrial.llm.cost', cost, attributes);
      if (refusal !== '' || finish === 'content_filter')
        completion = { kind: 'refused', said: refusal || 'its content filter stopped the answer', usage };
      else if (finish === null)
        // a connection that ends well and too early looks like an answer that does
        completion = { kind: 'transient', said: 'the answer broke off' };
      else completion = { kind: 'answered', content, usage, truncated: finish === 'length' };
    } catch (error) {
      completion = judge(error);
    }
    if (completion.kind !== 'answered' && completion.kind !== 'refused') {
      span.setAttribute('error.type', completion.kind);
      span.setStatus({ code: SpanStatusCode.ERROR, message: completion.said });
    }
    measure('gen_ai.client.operation.duration', inSeconds(), {
      ...attributes,
      ...(completion.kind === 'answered' ? {} : { 'error.type': completion.kind }),
    });
    span.end();
    return completion;
  });
}
