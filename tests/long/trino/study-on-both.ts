import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import { ensureTables, openEngine, openLake, sqlText, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { exportModels } from '../../../ops/export/index.ts';
import { publishPseudonyms } from '../../../study/index.ts';
import { configIn } from '../../folders.ts';
import { startTrino, type TrinoServer } from '../../services/trino.ts';
import { startS3, type S3Server } from '../../services/versitygw.ts';
import { labelerVersions } from '../../integration/models/warehouse.ts';
import { compare, describeLakeToTrino, runDbt, type Comparison } from './engines.ts';

export interface Model {
  name: string;
  isView: boolean;
}

/** A generated study in S3 whose models were built by DuckDB and by Trino, for the same moment and generation. */
export interface StudyOnBoth {
  config: Config;
  trino: TrinoServer;
  world: GeneratedLake;
  /** Every model of the project. */
  models: Model[];
  /** Seconds that each engine took, seeds and dbt's own start included. */
  seconds: Record<'duckdb' | 'trino', number>;
  compare(model: Model): Promise<Comparison>;
  close(): Promise<void>;
}

const exportKey = 'the key of both engines';

/** Makes one, of so many posts, and exports it to its own lake before Trino's tables are described. */
export async function studyOnBoth(posts: number): Promise<StudyOnBoth> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const server: S3Server = await startS3();
    closers.push(() => server.stop());
    const starting = startTrino(server, await server.bucket('tables'));
    closers.push(async () => {
      const started = await starting.catch(() => null); // awaited below, where it is reported
      await started?.stop();
    });
    const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-both-'));
    closers.push(async () => {
      rmSync(folder, { recursive: true, force: true });
    });
    const config = configIn(folder, {
      FEEDTRIAL_LAKE: `${await server.bucket('study-lake')}/lake`,
      FEEDTRIAL_PRIVATE_LAKE: await server.bucket('study-private'),
      FEEDTRIAL_LABEL_PROFILE: 'demo',
      FEEDTRIAL_EXPORT_KEY: exportKey,
    });
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const engine: Engine = await openEngine();
    closers.push(() => engine.close());
    await ensureTables(lake, privateLake, engine);
    const world = await generateLake({
      lake,
      privateLake,
      engine,
      posts,
      hours: 26,
      labelVersions: labelerVersions(config.projectRoot),
    });

    const told = {
      config,
      parameters: {
        as_of_us: world.endUs,
        publish_id: 'both',
        generation: 'both',
        previous_generation: 'generated',
        similarity_set: 'generated',
        random_seed: 'both',
        known_at_us: 0,
        history: 'true',
        label_profile: config.labelProfile,
        study: config.study,
      },
    };
    const seconds = { duckdb: 0, trino: 0 };
    const timed = async (target: 'duckdb' | 'trino', env: Record<string, string>): Promise<void> => {
      const beganMs = Date.now();
      const args = ['--exclude', 'resource_type:test', 'resource_type:unit_test'];
      await runDbt('build', { ...told, target, args, env });
      seconds[target] = (Date.now() - beganMs) / 1000;
    };
    await publishPseudonyms(config, engine);
    await timed('duckdb', {});
    await timed('duckdb', {}); // once more, now that the generation which the first one wrote is among those that are read
    await lake.write('queue/current.json', JSON.stringify({ publish_id: 'both', as_of_us: world.endUs }));
    const dbt = await openDbt(config);
    await exportModels({ config, dbt }).finally(() => dbt.close());
    await publishPseudonyms(config, engine); // the export has taken them away
    const trino = await starting;
    const dayAfter = new Date(world.endUs / 1000 + 86_400_000).toISOString().slice(0, 10);
    await describeLakeToTrino(trino, config, dayAfter);
    await timed('trino', trino.env);

    await engine.reach('s3://');
    await engine.run(
      `ATTACH ${sqlText(config.warehouse)} AS "${path.basename(config.warehouse, '.duckdb')}" (READ_ONLY); USE "${path.basename(config.warehouse, '.duckdb')}"`,
    );
    const manifest = JSON.parse(
      readFileSync(path.join(path.dirname(config.warehouse), 'trino/target/manifest.json'), 'utf8'),
    ) as { nodes: Record<string, { resource_type: string; name: string; config: { materialized: string } }> };
    const models = Object.values(manifest.nodes)
      .filter((node) => node.resource_type === 'model')
      .map(({ name, config: { materialized } }) => ({ name, isView: materialized === 'view' }));
    return {
      config,
      trino,
      world,
      models,
      seconds,
      compare: ({ name, isView }) => compare(engine, trino, name, isView),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Every model compared, in the order of their names. */
export async function compareAll(study: StudyOnBoth): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const model of study.models.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    compared.push(await study.compare(model));
  return compared;
}
