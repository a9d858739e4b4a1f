import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, QueuedPost, Usage } from '../labeler.ts';
import { backoffMs } from '../service/retry-after.ts';
import {
  complete,
  costOf,
  guessTokens,
  type Completion,
  type Endpoint,
  type TokenUsage,
} from './complete.ts';
import { askAbout, askAgain, speaksToModels, type Message, type Question } from './conversation.ts';
import { llmErrors } from './errors.ts';
import type { Gate } from './gate.ts';
import type { Spend } from './spend.ts';
import type { LlmTask } from './task.ts';

/** Tries of one request, where the service fails by accident. */
const tries = 4;
/** Requests in a row that failed by accident; more, and the service is taken to be down. */
const failuresInARow = 25;
/** Answers in a row that it was too fast; more, and it makes no sense to go on. */
const tooFastInARow = 100;

export interface Asker {
  /** @returns one answer a post, in the order of the posts */
  ask(posts: readonly QueuedPost[], signal: AbortSignal): Promise<Answer[]>;
}

export interface AskerOptions {
  task: LlmTask;
  endpoint: Endpoint;
  gate: Gate;
  spend: Spend;
}

interface Told {
  completion: Extract<Completion, { kind: 'answered' | 'refused' | 'bad request' | 'transient' }>;
  usage: TokenUsage;
  latencyMs: number;
}

const sumOf = (a: Usage, b: Usage = {}): Usage => ({
  latencyMs: (a.latencyMs ?? 0) + (b.latencyMs ?? 0),
  tokensIn: (a.tokensIn ?? 0) + (b.tokensIn ?? 0),
  tokensOut: (a.tokensOut ?? 0) + (b.tokensOut ?? 0),
  costUsd: (a.costUsd ?? 0) + (b.costUsd ?? 0),
});

/** Asks an LLM about posts: one request, one repair of an answer that can't be used, then each post that has none alone, and no more. */
export function createAsker({ task, endpoint, gate, spend }: AskerOptions): Asker {
  let failedInARow = 0;
  let tooFast = 0;

  /** One request that may be tried again; what it might cost is held back before, what it cost is booked after. */
  const request = async (
    question: Question,
    messages: readonly Message[],
    maxTokens: number,
    signal: AbortSignal,
  ): Promise<Told> => {
    const most = costOf(
      { input: messages.reduce((sum, one) => sum + guessTokens(one.content), 0), output: maxTokens },
      endpoint.price,
    );
    for (let failures = 0; ;) {
      const enteredMs = await gate.enter(signal);
      let completion: Completion;
      const startedMs = performance.now();
      let tooFastMs: number | null = null;
      try {
        const held = spend.reserve(most);
        completion = await complete(endpoint, question, messages, maxTokens);
        // a request that failed on its way may have been answered, and billed, there: it counts in full
        held.settle(
          'usage' in completion
            ? costOf(completion.usage, endpoint.price)
            : completion.kind === 'transient'
              ? most
              : 0,
        );
        if (completion.kind === 'too fast')
          tooFastMs = completion.waitMs ?? backoffMs(Math.min(++tooFast, 6));
      } finally {
        if (tooFastMs === null) gate.leave();
        else gate.leaveTooFast(enteredMs, tooFastMs);
      }
      if (completion.kind !== 'too fast') tooFast = 0;
      if (completion.kind !== 'transient' && completion.kind !== 'too fast') failedInARow = 0;
      const latencyMs = performance.now() - startedMs;
      switch (completion.kind) {
        case 'answered':
        case 'refused':
          return { completion, usage: completion.usage, latencyMs };
        case 'bad request':
          return { completion, usage: { input: 0, output: 0 }, latencyMs };
        case 'too fast':
          if (tooFast > tooFastInARow) throw llmErrors.tooFast(completion.said);
          break;
        case 'no credit':
          throw llmErrors.quota(completion.said);
        case 'bad key':
          throw llmErrors.badKey(endpoint.client.baseURL, completion.said);
        case 'bad model':
          throw llmErrors.badModel(endpoint.client.baseURL, endpoint.model, completion.said);
        case 'transient':
          if (++failures < tries) {
            await sleep(backoffMs(failures), undefined, { signal });
            break;
          }
          if (++failedInARow >= failuresInARow) throw llmErrors.down(failedInARow, completion.said);
          return { completion, usage: { input: 0, output: 0 }, latencyMs };
      }
    }
  };

  /** Tokens, cost and time of the requests that a group of posts took, shared out among them. */
  const shareOf = (told: readonly Told[], posts: number): Usage => {
    const input = told.reduce((sum, { usage }) => sum + usage.input, 0);
    const output = told.reduce((sum, { usage }) => sum + usage.output, 0);
    return {
      latencyMs: told.reduce((sum, { latencyMs }) => sum + latencyMs, 0),
      tokensIn: Math.round(input / posts),
      tokensOut: Math.round(output / posts),
      costUsd: costOf({ input, output }, endpoint.price) / posts,
    };
  };

  const askTogether = async (posts: readonly QueuedPost[], signal: AbortSignal): Promise<Answer[]> => {
    const question = askAbout(
      task,
      posts.map(({ text }) => text),
    );
    const first = await request(question, question.messages, question.maxTokens, signal);
    const told = [first];
    const toAll = (status: 'failed' | 'refused', error: string): Answer[] => {
      const usage = shareOf(told, posts.length);
      return posts.map(() => ({ status, error, usage }));
    };
    const apart = async (): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (const post of posts) answers.push(...(await askTogether([post], signal)));
      return answers;
    };
    // which of several posts it was, only asking alone can tell
    if (first.completion.kind === 'refused')
      return posts.length > 1 ? apart() : toAll('refused', `FT_LLM_REFUSED: ${first.completion.said}`);
    if (first.completion.kind === 'bad request')
      return posts.length > 1 ? apart() : toAll('failed', `FT_LLM_REQUEST: ${first.completion.said}`);
    if (first.completion.kind === 'transient')
      return toAll('failed', `FT_LLM_FAILED: ${first.completion.said}`);

    let { answers, wrong } = question.read(first.completion.content);
    if (wrong !== null) {
      const { content, truncated } = first.completion;
      const again = truncated
        ? await request(question, question.messages, question.maxTokens * 3, signal) // it needed more room, not a lecture
        : await request(question, askAgain(question, content, wrong), question.maxTokens, signal);
      told.push(again);
      if (again.completion.kind === 'refused' && posts.length === 1)
        return toAll('refused', `FT_LLM_REFUSED: ${again.completion.said}`);
      if (again.completion.kind === 'answered') {
        const second = question.read(again.completion.content);
        // what the first answer had right stands where the second has nothing
        answers = answers.map((answer, i) => second.answers[i] ?? answer);
        wrong = second.wrong;
      }
    }
    const usage = shareOf(told, posts.length);
    const taken: Answer[] = [];
    for (const [i, answer] of answers.entries()) {
      const post = posts[i] as QueuedPost;
      if (answer !== null) taken.push({ status: 'ok', values: task.values(answer), usage });
      else if (posts.length > 1) {
        // one post that spoils the answer on all must not cost the others an attempt
        const [own] = (await askTogether([post], signal)) as [Answer];
        taken.push({ ...own, usage: sumOf(usage, own.usage) });
      } else
        taken.push({
          status: 'failed',
          error: `FT_LLM_ANSWER: no valid answer, ${wrong ?? 'none was given'}`,
          usage,
        });
    }
    return taken;
  };

  return {
    async ask(posts, signal) {
      if (posts.length === 1) return askTogether(posts, signal);
      const answers = new Array<Answer>(posts.length);
      const put = async (of: readonly number[]): Promise<void> => {
        const got = await askTogether(
          of.map((i) => posts[i] as QueuedPost),
          signal,
        );
        of.forEach((i, at) => (answers[i] = got[at] as Answer));
      };
      const places = posts.map((_, i) => i);
      const alone = places.filter((i) => speaksToModels((posts[i] as QueuedPost).text));
      const together = places.filter((i) => !alone.includes(i));
      await Promise.all([...(together.length > 0 ? [put(together)] : []), ...alone.map((i) => put([i]))]);
      return answers;
    },
  };
}
