import { parseArgs } from 'node:util';
import { studentToxicity } from '../enrich/labelers/student-toxicity.ts';
import type { QueuedPost } from '../enrich/labeler.ts';
import { loadConfig } from '../ops/config/index.ts';
import { meanLength, postTexts } from './labels/posts.ts';
import { printTable } from './table.ts';

export const claim =
  'the n-gram student labels at least 25,000 posts a CPU second, in memory that does not grow with their number';

/** The labeler as the runner asks it, in its own batches, over posts that are made as they are asked about. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { posts: { type: 'string', default: '100000,1000000,10000000' } },
  });
  const open = await studentToxicity.open({
    config: loadConfig({}),
    runId: 'bench',
    embedder: async () => {
      throw new Error('it reads no embeddings');
    },
  });
  const real = postTexts();
  const signal = new AbortController().signal;
  const ask = async (from: number, count: number): Promise<number> => {
    const posts: QueuedPost[] = Array.from({ length: count }, (_, i) => ({
      uri: `at://did:plc:author/app.bsky.feed.post/${from + i}`,
      cid: 'cid',
      did: 'did:plc:author',
      // made distinct, so that nothing is answered from a cache
      text: `${real[(from + i) % real.length] ?? ''} ${from + i}`,
      attempt: 1,
      embedding: null,
    }));
    const answers = await open.ask(posts, signal);
    return answers.filter(({ status }) => status === 'ok').length;
  };
  await ask(0, 20_000); // compiled before it is measured
  const rows = [];
  for (const count of values.posts.split(',').map(Number)) {
    const before = process.cpuUsage();
    const startedMs = performance.now();
    let labelled = 0;
    let peak = 0;
    for (let at = 0; at < count; at += studentToxicity.batchSize) {
      labelled += await ask(at, Math.min(studentToxicity.batchSize, count - at));
      if (at % 50_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    }
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / 1e6;
    rows.push({
      posts: count,
      labelled,
      'characters a post': meanLength(real),
      'CPU s': cpu,
      'posts/CPU-s': labelled / cpu,
      'posts/s': labelled / ((performance.now() - startedMs) / 1000),
      'peak RSS MB': peak / 2 ** 20,
    });
  }
  printTable(rows);
}
