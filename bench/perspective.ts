import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type http from 'node:http';
import { parseArgs } from 'node:util';
import { enrich } from '../enrich/index.ts';
import { perspective } from '../enrich/labelers/perspective.ts';
import type { PerspectiveReport } from '../tests/fakes/perspective-process.ts';
import { busiestSecond } from '../tests/fakes/perspective.ts';
import { startFakeProcess } from '../tests/fakes/process.ts';
import { withQueue } from './labels/lake.ts';
import { printTable } from './table.ts';

export const claim =
  'at 100 requests/s a key: at least 98/s sustained, never over 100 in any sliding second as the service counts them; 196 with two keys';

const channel = 'http.client.request.start';

async function measure(keys: readonly string[], seconds: number, latencyMs: [number, number]) {
  const fake = await startFakeProcess<PerspectiveReport>('perspective-process.ts', {
    latencyMs,
    perSecond: 100,
  });
  try {
    const version = await perspective.version({} as never);
    const posts = Array.from({ length: Math.ceil(seconds * 98.5 * keys.length) }, (_, i) => ({
      labeler: 'perspective',
      version,
      uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
      text: `post number ${i} of a queue`,
    }));
    const env = { FEEDTRIAL_PERSPECTIVE_URL: fake.url, FEEDTRIAL_PERSPECTIVE_KEYS: keys.join(',') };
    return await withQueue(posts, env, async (config) => {
      const sent: { atMs: number; key: string }[] = [];
      const note = (message: unknown): void => {
        const { request } = message as { request: http.ClientRequest };
        const key = String(request.getHeader('x-goog-api-key'));
        request.on('finish', () => sent.push({ atMs: performance.now(), key }));
      };
      subscribe(channel, note);
      const before = process.cpuUsage();
      const { labelers } = await enrich({ config, labelers: ['perspective'] }).finally(() =>
        unsubscribe(channel, note),
      );
      const { user, system } = process.cpuUsage(before);
      const report = await fake.report();
      return {
        keys: keys.length,
        posts: posts.length,
        labelled: labelers[0]?.ok ?? 0,
        requests: report.requests,
        'seconds asking': report.seconds,
        'requests/s': report.requests / report.seconds,
        'most in any second, a key': Math.max(...Object.values(report.busiest)),
        'as they left': Math.max(...keys.map((key) => busiestSecond(sent, key))),
        'answers 429': report.rejected,
        'CPU s': (user + system) / 1e6,
      };
    });
  } finally {
    await fake.close();
  }
}

/**
 * The service is a fake, in a process of its own, that counts sliding seconds on arrival: on a busy machine it hears of requests
 * late and in bunches. 'as they left' is what this process handed to the operating system, which is all that a client can keep.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '60' },
      latency: { type: 'string', default: '80-400' },
      keys: { type: 'string', default: '1,2' },
    },
  });
  const [least = 80, most = 400] = values.latency.split('-').map(Number);
  const rows = [];
  for (const count of values.keys.split(',').map(Number))
    rows.push(
      await measure(
        Array.from({ length: count }, (_, i) => `bench-key-number-${i + 1}`),
        Number(values.seconds),
        [least, most],
      ),
    );
  printTable(rows);
}
