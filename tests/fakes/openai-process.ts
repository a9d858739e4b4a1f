import { startFakeOpenai } from './openai.ts';

/** What a fake of OpenAI's API in a process of its own has seen. */
export interface OpenaiReport {
  requests: number;
  posts: number;
  busiest: number;
  rejected: number;
  texts: string[];
}

/** Milliseconds for so many posts in a prompt: `one` for one, growing with the power that makes ten take `ten`. */
const {
  one = 0,
  ten = 0,
  ...options
} = JSON.parse(process.argv[2] ?? '{}') as {
  one?: number;
  ten?: number;
  maxConcurrent?: number;
};
const power = one > 0 ? Math.log10(ten / one) : 0;
const fake = await startFakeOpenai({ ...options, latencyMs: (posts) => one * posts ** power });
process.send?.({ url: fake.url });
process.on('message', () => {
  const texts = fake.requests.flatMap((request) => request.texts);
  const report: OpenaiReport = {
    requests: fake.requests.length,
    posts: texts.length,
    busiest: fake.busiest,
    rejected: fake.rejected,
    texts,
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0)); // whoever started it is gone
