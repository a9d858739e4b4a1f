// The similarity stage over embeddings that lie in a lake: centroid of popular posts, tastes, exact nearest posts, and, if asked for,
// the pairs of participants and posts.
import path from 'node:path';
import { computeSimilarity, scorePairs } from '../../enrich/similarity/index.ts';
import { loadConfig } from '../../ops/config/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import type { Measured, SimilaritySettings } from './messages.ts';
import { memoryOf } from '../memory-of.ts';

const settings = JSON.parse(process.argv[2] ?? '') as SimilaritySettings;
const config = loadConfig(
  {
    FEEDTRIAL_LAKE: path.join(settings.folder, 'lake'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(settings.folder, 'private'),
    FEEDTRIAL_SPOOL: path.join(settings.folder, 'spool'),
    FEEDTRIAL_MEMORY_LIMIT: settings.memoryLimit,
  },
  settings.folder,
);
silenceProgress();
let cpu = process.cpuUsage();
let started = performance.now();
const similarity = await computeSimilarity({ config });
let rows = similarity.posts;
if (settings.pairs !== 'none') {
  cpu = process.cpuUsage();
  started = performance.now();
  rows = await scorePairs({ config, generation: settings.pairs, similarity });
}
const used = process.cpuUsage(cpu);
const measured: Measured = {
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (used.user + used.system) / 1e6,
  peakRssMb: memoryOf().peakMb,
  rows,
};
process.send?.(measured, () => process.exit(0));
