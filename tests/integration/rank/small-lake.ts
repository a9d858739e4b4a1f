import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Dbt } from '../../../ops/dbt/index.ts';
import { configIn } from '../../folders.ts';

export interface SmallLake {
  config: Config;
  generated: GeneratedLake;
  folder: string;
  remove(): void;
}

/** Versions that the queue asks labelers for, so that generated labels are those that the models look for. */
function askedVersions(): Record<string, string> {
  const lines = readFileSync(path.join(projectRoot, 'seeds/labelers.csv'), 'utf8').split('\n').slice(1);
  return Object.fromEntries(
    lines.filter(Boolean).map((line): [string, string] => {
      const [labeler = '', version = ''] = line.split(',');
      return [labeler, version];
    }),
  );
}

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
      labelVersions: askedVersions(),
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
