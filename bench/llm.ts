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

async function measure(posts: number, postsPerPrompt: 1 | 10, speed: number) {
  const [one, ten] = [latencyMs.one / speed, latencyMs.ten / speed];
  const fake = await startFakeProcess<OpenaiReport>('openai-process.ts', { one, ten });
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
      const requests = Math.ceil(posts / postsPerPrompt);
      const last = posts % postsPerPrompt; // a smaller prompt answers sooner; where it is alone, it is the whole time
      const perRequest = postsPerPrompt === 1 ? one : ten;
      const full = Math.ceil(requests / concurrency) * perRequest;
      const alone = one * (last || postsPerPrompt) ** Math.log10(ten / one);
      const ideal = (requests === 1 ? alone : full) / 1000;
      return {
        seconds: seconds * speed,
        ideal: ideal * speed,
        overhead: seconds - ideal,
        ratio: seconds / ideal,
        cpu: (user + system) / 1e6,
        report,
        ok: labelers[0]?.ok ?? 0,
      };
    });
  } finally {
    await fake.close();
  }
}

/** The endpoint is a fake with the latency of 2024, divided by `--speed`; times are given as they are without that. */
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
  for (const posts of values.posts.split(',').map(Number)) {
    const single = await measure(posts, 1, speed);
    const several = await measure(posts, 10, speed);
    const in2024 = (each: 1 | 10): string => (posts === 5000 ? measured2024[each].toFixed(2) : '');
    rows.push({
      posts: String(posts),
      '1 a request, s': single.seconds.toFixed(2),
      'ideal, s': single.ideal.toFixed(2),
      'over ideal': `${((single.ratio - 1) * 100).toFixed(1)}%`,
      '2024, s': in2024(1),
      '10 a prompt, s': several.seconds.toFixed(2),
      'its ideal, s': several.ideal.toFixed(2),
      'over its ideal': `${((several.ratio - 1) * 100).toFixed(1)}%`,
      '2024, 10 a prompt, s': in2024(10),
      'CPU s': `${single.cpu.toFixed(1)} / ${several.cpu.toFixed(1)}`,
      labelled: `${single.ok} / ${several.ok}`,
    });
  }
  printTable(rows);
}
