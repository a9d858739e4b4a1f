import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import type { Dbt } from '../../../ops/dbt/index.ts';
import { configIn } from '../../folders.ts';
import { labelerVersions } from '../models/warehouse.ts';

export interface SmallLake {
  config: Config;
  generated: GeneratedLake;
  folder: string;
  remove(): void;
}

/** What observation reads beside ranking: `transform` selects it where the rest isn't built. */
export const observedLabels = [
  'base_labels__answered',
  'base_labels__failed',
  'obs_capture__completeness',
  'obs_labels__asks',
  'obs_labels__coverage',
  '+obs_labels__coverage_by_arm',
  'obs_labels__switch_over',
];

/** A generated network of two thousand posts in a lake of its own, labelled, with ten active participants. */
export async function makeSmallLake(env: Record<string, string> = {}, posts?: number): Promise<SmallLake> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-rank-'));
  const config = configIn(folder, { FEEDTRIAL_LABEL_PROFILE: 'demo', ...env });
  const engine = await openEngine();
  try {
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const generated = await generateLake({
      lake,
      privateLake,
      engine,
      study: config.study,
      labelVersions: labelerVersions(config.projectRoot),
      ...(posts === undefined ? {} : { posts }),
    });
    await ensureTables(lake, privateLake, engine);
    return { config, generated, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } finally {
    await engine.close();
  }
}

/** Builds everything before ranking without its tests, which are other tests' promise, and publishes the queue. */
export async function buildBeforeRanking(
  { config, generated }: SmallLake,
  dbt: Dbt,
  more: Record<string, string | number> = {},
): Promise<void> {
  mkdirSync(path.dirname(config.warehouse), { recursive: true });
  const vars = {
    publish_id: 'small',
    as_of_us: generated.endUs,
    label_profile: config.labelProfile,
    study: config.study,
    ...more,
  };
  await dbt.run({ command: 'seed', vars });
  await dbt.run({
    command: 'run',
    select: ['+int_posts__unified', '+int_participants__follows', '+similarity_posts', '+similarity_likes'],
    vars,
  });
  await openLake(config.lake).write('queue/current.json', '{"publish_id": "small"}\n');
}
