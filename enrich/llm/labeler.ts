import type { Config } from '../../ops/config/index.ts';
import type { Labeler, LabelerContext } from '../labeler.ts';
import { createAsker } from './ask.ts';
import type { Endpoint } from './complete.ts';
import { llmErrors } from './errors.ts';
import { createGate } from './gate.ts';
import { openSpend } from './spend.ts';
import { taskVersion, type LlmTask } from './task.ts';
import { journalFolder } from '../journal.ts';

/** How the fakes of the tests sign their answers. */
const fakeFingerprint = 'feedtrial-fake';

export const modelOf = (task: LlmTask, { llmModel }: Pick<Config, 'llmModel'>): string =>
  llmModel ?? task.model;

/** Loads the client, which takes a third of a second: only runs that use it pay for that, and they while they do other things. */
const loadClient = () => import('openai');

/** Where a task is asked, with retries left to the asker. */
export async function openEndpoint(task: LlmTask, config: Config): Promise<Endpoint> {
  if (config.llmKey === undefined) throw llmErrors.noKey();
  const { default: OpenAI } = await loadClient();
  return {
    client: new OpenAI({
      apiKey: config.llmKey,
      baseURL: config.llmUrl,
      maxRetries: 0,
      timeout: config.llmTimeoutMs,
      logLevel: 'off',
    }),
    model: modelOf(task, config),
    price: config.llmPrice ?? task.price,
    timeoutMs: config.llmTimeoutMs,
  };
}

/** A labeler that asks an LLM by a task. */
export function llmLabeler(task: LlmTask): Labeler {
  return {
    name: `llm_${task.name}`,
    labels: task.labels,
    batchSize: 1,
    postsPerAsk: ({ postsPerPrompt = 1 }: LabelerContext) => postsPerPrompt,
    concurrency: ({ llmConcurrency }) => llmConcurrency,
    ratePerSecond: null,
    version: async (config) => taskVersion(task, modelOf(task, config)),
    notReady: ({ llmKey }) => (llmKey === undefined ? llmErrors.noKey() : null),
    llmTask: task,
    warmUp() {
      loadClient().catch(() => undefined); // whoever opens it meets the error
    },
    async open({ config, runId }) {
      const endpoint = await openEndpoint(task, config);
      let fingerprint: string | null = null;
      endpoint.onFingerprint = (found) => (fingerprint = found);
      const asker = createAsker({
        task,
        endpoint,
        gate: createGate(config.llmConcurrency),
        spend: openSpend({ folder: journalFolder(config), runId, ceiling: config.llmMaxUsd }),
      });
      return {
        ask: (posts, signal) => asker.ask(posts, signal),
        caveat: () =>
          fingerprint === fakeFingerprint
            ? 'a fake answered: this shows that the plumbing works, and measures no model'
            : null,
        async close() {},
      };
    },
  };
}
