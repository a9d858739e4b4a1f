import { seededRandom } from '../../enrich/students/evaluate.ts';
import { startFakeOpenai } from './openai.ts';

/** What a fake of OpenAI's API in a process of its own has seen. */
export interface OpenaiReport {
  requests: number;
  posts: number;
  busiest: number;
  rejected: number;
  texts: string[];
  /** Texts that batches asked about, each as often as it was in one. */
  batchTexts: string[];
  /** Milliseconds that each answer took, in the order of the requests. */
  latenciesMs: number[];
  /** From the first request to the end of the last answer. */
  seconds: number;
}

/**
 * Milliseconds for so many posts in a prompt: `one` for one, growing with the power that makes ten take `ten`. These are
 * means: single answers vary log-normally by `spread`, the same way in every run.
 */
const {
  one = 0,
  ten = 0,
  spread = 0,
  ...options
} = JSON.parse(process.argv[2] ?? '{}') as {
  one?: number;
  ten?: number;
  spread?: number;
  maxConcurrent?: number;
  batchPolls?: number;
};
const power = one > 0 ? Math.log10(ten / one) : 0;
const random = seededRandom(2024);
const latenciesMs: number[] = [];
const draw = (meanMs: number): number => {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return meanMs * Math.exp(spread * normal - spread ** 2 / 2);
};
const fake = await startFakeOpenai({
  ...options,
  latencyMs(posts) {
    const ms = draw(one * posts ** power);
    latenciesMs.push(ms);
    return ms;
  },
});
process.send?.({ url: fake.url });
process.on('message', () => {
  const texts = fake.requests.flatMap((request) => request.texts);
  const report: OpenaiReport = {
    requests: fake.requests.length,
    posts: texts.length,
    busiest: fake.busiest,
    rejected: fake.rejected,
    texts,
    batchTexts: fake.batchTexts,
    latenciesMs,
    seconds:
      (Math.max(...fake.requests.map(({ atMs }, i) => atMs + (latenciesMs[i] ?? 0))) -
        (fake.requests[0]?.atMs ?? 0)) /
      1000,
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0)); // whoever started it is gone
