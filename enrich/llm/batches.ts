import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';
import { z } from 'zod';
import { writeDurably } from '../../lake/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import type { Answer, QueuedPost } from '../labeler.ts';
import { costOf, guessTokens, type Endpoint } from './complete.ts';
import { askAbout } from './conversation.ts';
import { llmErrors } from './errors.ts';
import type { Spend } from './spend.ts';
import type { LlmTask } from './task.ts';

/** Requests a batch at most; the service takes 50,000 and 200 MB. */
const postsPerBatch = 20_000;
/** A batch costs half of what its requests would. */
const discount = 0.5;

const state = z.object({
  /** Drawn before the batch is made, and sent with it: by it a batch is found again whose number was never heard. */
  key: z.string(),
  version: z.string(),
  model: z.string(),
  /** Null until the service has told it. */
  batch_id: z.string().nullable(),
  posts: z.array(
    z.object({
      custom_id: z.string(),
      uri: z.string(),
      cid: z.string(),
      did: z.string(),
      attempt: z.number(),
    }),
  ),
});
type State = z.infer<typeof state>;

/** A post that a batch is about; its text was sent and isn't needed any more. */
export type BatchedPost = State['posts'][number];

export interface Batches {
  /** Posts that batches under way are about. */
  readonly pending: readonly BatchedPost[];
  /** Sends posts off as one batch, after which they are pending. */
  send(posts: readonly QueuedPost[]): Promise<void>;
  /**
   * Looks after the batches under way, and hands over the answers of those that are done; a batch is forgotten once
   * `take` has returned, so what it does must be durable by then.
   * @returns how many batches are still under way
   */
  collect(take: (posts: readonly QueuedPost[], answers: readonly Answer[]) => Promise<void>): Promise<number>;
}

export interface BatchesOptions {
  task: LlmTask;
  endpoint: Endpoint;
  version: string;
  /** Folder of this labeler's batches, on this machine's disk. */
  folder: string;
  spend: Spend;
}

const line = z.object({
  custom_id: z.string(),
  response: z
    .object({
      status_code: z.number(),
      body: z.object({
        choices: z
          .array(
            z.object({
              finish_reason: z.string().nullable().optional(),
              message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
            }),
          )
          .optional(),
        usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).optional(),
      }),
    })
    .nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});

/** Where the batches of a labeler's shards are, beside the journals. */
export const batchesFolder = (journals: string, labeler: string): string =>
  path.join(journals, 'batches', labeler);

function readState(file: string): State {
  try {
    return state.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch (error) {
    throw llmErrors.batchState(file, describeError(error), error);
  }
}

/** `uri cid` of every post that a batch of this labeler is about, of any shard on this machine. */
export function postsInBatches(journals: string, labeler: string): Set<string> {
  const home = batchesFolder(journals, labeler);
  if (!fs.existsSync(home)) return new Set();
  const files = fs
    .readdirSync(home, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'));
  return new Set(
    files.flatMap((name) => readState(path.join(home, name)).posts.map(({ uri, cid }) => `${uri} ${cid}`)),
  );
}

/** One request's line of a batch's result. */
function answerOf(
  task: LlmTask,
  endpoint: Endpoint,
  text: string,
): { customId: string; answer: Answer } | null {
  let parsed: z.infer<typeof line>;
  try {
    parsed = line.parse(JSON.parse(text));
  } catch {
    return null; // a line that can't be read is about nobody; the post counts as unanswered
  }
  const { custom_id: customId, response, error } = parsed;
  const [choice] = response?.body.choices ?? [];
  if (!response || response.status_code !== 200 || !choice) {
    const said = error?.message ?? `HTTP ${response?.status_code ?? 'none'}`;
    return { customId, answer: { status: 'failed', error: `FT_LLM_BATCH: ${said}` } };
  }
  const given = response.body.usage;
  const tokens = { input: given?.prompt_tokens ?? 0, output: given?.completion_tokens ?? 0 };
  const usage = {
    tokensIn: tokens.input,
    tokensOut: tokens.output,
    costUsd: costOf(tokens, endpoint.price) * discount,
  };
  if (choice.message.refusal || choice.finish_reason === 'content_filter')
    return { customId, answer: { status: 'refused', error: 'FT_LLM_REFUSED: in a batch', usage } };
  const { answers, wrong } = askAbout(task, ['']).read(choice.message.content ?? '');
  const [found] = answers;
  return {
    customId,
    answer: found
      ? { status: 'ok', values: task.values(found), usage }
      : { status: 'failed', error: `FT_LLM_ANSWER: no valid answer, ${wrong}`, usage },
  };
}

/**
 * OpenAI's Batch API: half the price, answers within a day. What a batch is about is on disk before it is made, with a
 * key that goes along: whoever dies between making it and hearing its number finds it by the key, and makes no second one.
 */
export function openBatches(options: BatchesOptions): Batches {
  const { task, endpoint, version, folder, spend } = options;
  const { client, model } = endpoint;
  fs.mkdirSync(folder, { recursive: true });
  const fileOf = (key: string): string => path.join(folder, `${key}.json`);
  const states = new Map<string, State>();
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.json'))) {
    const read = readState(path.join(folder, name));
    states.set(read.key, read);
  }
  const save = (one: State): void => {
    writeDurably(fileOf(one.key), JSON.stringify(one));
    states.set(one.key, one);
  };
  const forget = (key: string): void => {
    fs.rmSync(fileOf(key), { force: true });
    states.delete(key);
  };

  const textOf = async (fileId: string | null | undefined): Promise<string> =>
    fileId ? (await client.files.content(fileId)).text() : '';

  /** The batch with this key, whether or not its number was heard; null where it was never made. */
  const find = async (one: State): Promise<OpenAI.Batches.Batch | null> => {
    if (one.batch_id !== null) return client.batches.retrieve(one.batch_id);
    for await (const batch of client.batches.list({ limit: 100 }))
      if (batch.metadata?.['feedtrial_key'] === one.key) {
        save({ ...one, batch_id: batch.id });
        return client.batches.retrieve(batch.id);
      }
    return null;
  };

  return {
    get pending() {
      return [...states.values()].flatMap(({ posts }) => posts);
    },
    async send(all) {
      for (let at = 0; at < all.length; at += postsPerBatch) {
        const posts = all.slice(at, at + postsPerBatch);
        const key = `${Date.now()}-${randomBytes(6).toString('hex')}`;
        const named = posts.map((post) => ({ post, customId: randomBytes(8).toString('hex') }));
        const requests = named.map(({ post, customId }) => {
          const question = askAbout(task, [post.text]);
          return {
            custom_id: customId,
            method: 'POST',
            url: '/v1/chat/completions',
            body: {
              model,
              messages: question.messages,
              temperature: 0,
              max_tokens: question.maxTokens,
              response_format: {
                type: 'json_schema',
                json_schema: { name: question.schemaName, schema: question.schema, strict: true },
              },
            },
          };
        });
        const most = requests.reduce(
          (sum, { body }) =>
            sum +
            costOf(
              {
                input: body.messages.reduce((tokens, message) => tokens + guessTokens(message.content), 0),
                output: body.max_tokens,
              },
              endpoint.price,
            ),
          0,
        );
        spend.reserve(most * discount); // stays held back: what it cost is known tomorrow, in another run
        const content = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
        const { toFile } = await import('openai');
        const file = await client.files.create({
          file: await toFile(Buffer.from(content), `${key}.jsonl`, { type: 'application/jsonl' }),
          purpose: 'batch',
        });
        const made: State = {
          key,
          version,
          model,
          batch_id: null,
          posts: named.map(({ post: { uri, cid, did, attempt }, customId }) => ({
            custom_id: customId,
            uri,
            cid,
            did,
            attempt,
          })),
        };
        save(made); // before the batch is made: from here on its posts are asked about by nobody else
        const batch = await client.batches.create({
          input_file_id: file.id,
          endpoint: '/v1/chat/completions',
          completion_window: '24h',
          metadata: { feedtrial_key: key },
        });
        save({ ...made, batch_id: batch.id });
      }
    },
    async collect(take) {
      for (const one of [...states.values()]) {
        const batch = await find(one);
        if (batch === null) {
          forget(one.key); // the run died before it was made: its posts are asked about again, for the first time
          continue;
        }
        const over = ['completed', 'failed', 'expired', 'cancelled'].includes(batch.status);
        if (!over) continue;
        const lines = [await textOf(batch.output_file_id), await textOf(batch.error_file_id)].join('\n');
        const answers = new Map<string, Answer>();
        for (const text of lines.split('\n').filter(Boolean)) {
          const found = answerOf(task, endpoint, text);
          if (found !== null) answers.set(found.customId, found.answer);
        }
        const posts = one.posts.map(({ uri, cid, did, attempt }) => ({
          uri,
          cid,
          did,
          attempt,
          text: '',
          embedding: null,
        }));
        await take(
          posts,
          one.posts.map(
            ({ custom_id: id }) =>
              answers.get(id) ?? {
                status: 'failed',
                error: `FT_LLM_BATCH: the batch is ${batch.status} and has no answer on it`,
              },
          ),
        );
        forget(one.key);
      }
      return states.size;
    },
  };
}

/** Waits between looks at batches, in milliseconds. */
export const pollMs = 30_000;

export const waitToPoll = (signal: AbortSignal, ms = pollMs): Promise<unknown> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
