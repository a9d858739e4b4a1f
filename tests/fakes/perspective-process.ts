import os from 'node:os';
import { busiestSecond, startFakePerspective } from './perspective.ts';

/** What a fake Perspective in a process of its own has seen. */
export interface PerspectiveReport {
  requests: number;
  rejected: number;
  /** Seconds from the first request to the last. */
  seconds: number;
  /** Most requests in any second, by key. */
  busiest: Record<string, number>;
  /** Texts, in the order of their requests. */
  texts: string[];
}

const { latencyMs = [0, 0], ...options } = JSON.parse(process.argv[2] ?? '{}') as {
  latencyMs?: [number, number];
  perSecond?: number;
};
const [least, most] = latencyMs;
try {
  os.setPriority(os.constants.priority.PRIORITY_HIGH); // it notes when requests arrive: it should be there when they do
} catch {
  // not allowed here: its notes are as late as the machine is busy
}
const fake = await startFakePerspective({
  ...options,
  latencyMs: () => least + Math.random() * (most - least),
});
process.send?.({ url: fake.url });
process.on('message', () => {
  const { requests, rejected } = fake;
  const report: PerspectiveReport = {
    requests: requests.length,
    rejected,
    seconds: ((requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0)) / 1000,
    busiest: Object.fromEntries(
      [...new Set(requests.map(({ key }) => key))].map((key) => [key, busiestSecond(requests, key)]),
    ),
    texts: requests.map(({ text }) => text),
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0)); // whoever started it is gone
