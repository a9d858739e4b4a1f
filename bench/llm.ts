import { parseArgs } from 'node:util';
import { enrich } from '../enrich/index.ts';
import { llmLabeler } from '../enrich/llm/labeler.ts';
import { sociopolitical } from '../enrich/llm/tasks/sociopolitical.ts';
import type { OpenaiReport } from '../tests/fakes/openai-process.ts';
import { startFakeProcess } from '../tests/fakes/process.ts';
import { withQueue } from './labels/lake.ts';
import { printTable } from './table.ts';

export const claim =
  'within 10% of the ideal for the latency of 2024 with 20 requests at once, from 1 to 5,000 posts, one post a request or ten';

const concurrency = 20;
/**
 * Seconds that 5,000 posts took in the measurement of 2024. The latency of a request follows from them: with twenty at
 * once, one post a request, 250 rounds in 260.22 s; ten posts a prompt, 25 rounds in 319.32 s.
 */
const measured2024 = { 1: 260.22, 10: 319.32 } as const;
const latencyMs = { one: (measured2024[1] / 250) * 1000, ten: (measured2024[10] / 25) * 1000 };

/** How much single answers vary: standard deviation of the logarithm of their latency. */
const spread = 0.25;

/** Seconds until the last answer where each of `concurrency` places takes the next request as soon as it is free. */
function idealSeconds(latenciesMs: readonly number[]): number {
  const freeMs = new Array<number>(concurrency).fill(0);
  for (const ms of latenciesMs) {
    const soonest = freeMs.indexOf(Math.min(...freeMs));
    freeMs[soonest] = (freeMs[soonest] as number) + ms;
  }
  return Math.max(...freeMs) / 1000;
}

async function measure(posts: number, postsPerPrompt: 1 | 10, speed: number) {
  const [one, ten] = [latencyMs.one / speed, latencyMs.ten / speed];
  const fake = await startFakeProcess<OpenaiReport>('openai-process.ts', { one, ten, spread });
  try {
    const env = {
      FEEDTRIAL_LLM_URL: fake.url,
      FEEDTRIAL_LLM_KEY: 'bench',
      FEEDTRIAL_LLM_MAX_USD_RUN: '1000',
      FEEDTRIAL_LLM_MAX_USD_DAY: '1000',
    };
    const labeler = llmLabeler(sociopolitical);
    const version = await labeler.version({ llmModel: undefined } as never);
    const rows = Array.from({ length: posts }, (_, i) => ({
      labeler: labeler.name,
      version,
      uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
      text: `a note on the ${i}th day of the garden`,
    }));
    return await withQueue(rows, env, async (config) => {
      const before = process.cpuUsage();
      const { labelers } = await enrich({ config, labelers: [labeler.name], postsPerPrompt });
      const { user, system } = process.cpuUsage(before);
      const report = await fake.report();
      const seconds = labelers[0]?.seconds ?? NaN;
      const ideal = idealSeconds(report.latenciesMs);
      return {
        asking: report.seconds * speed,
        whole: seconds * speed,
        ideal: ideal * speed,
        over: `${((report.seconds / ideal - 1) * 100).toFixed(1)}% / ${((seconds / ideal - 1) * 100).toFixed(1)}%`,
        cpu: (user + system) / 1e6,
        ok: labelers[0]?.ok ?? 0,
      };
    });
  } finally {
    await fake.close();
  }
}

/**
 * The endpoint is a fake with the latency of 2024, divided by `--speed`; times are given as they are without that. The ideal
 * is computed from the latencies that the fake really drew: the longest of them where there are no more than twenty.
 * 'asking' goes from the first request to the end of the last answer, as the endpoint sees it; 'whole' also has the journal
 * opened, the queue read and the labels published as Parquet, as a run records it.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      posts: { type: 'string', default: '1,10,100,1000,5000' },
      speed: { type: 'string', default: '1' },
    },
  });
  const speed = Number(values.speed);
  if (speed !== 1) console.log(`latency divided by ${speed}; seconds below are multiplied by it\n`);
  const rows = [];
  for (const posts of values.posts.split(',').map(Number))
    for (const each of [1, 10] as const) {
      const { asking, whole, ideal, over, cpu, ok } = await measure(posts, each, speed);
      rows.push({
        posts: String(posts),
        'posts a prompt': String(each),
        'ideal, s': ideal.toFixed(2),
        'asking, s': asking.toFixed(2),
        'whole, s': whole.toFixed(2),
        'over ideal': over,
        '2024, s': posts === 5000 ? measured2024[each].toFixed(2) : '',
        'CPU s': cpu.toFixed(1),
        labelled: ok,
      });
    }
  printTable(rows);
}
