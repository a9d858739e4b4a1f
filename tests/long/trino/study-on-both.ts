import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  currentGenerationPath,
  formatCurrentGeneration,
  openEngine,
  openLake,
  readCurrentGeneration,
  servingPath,
  sqlText,
  copyToLake,
  ensureTables,
  readTable,
  tables,
  typedColumns,
  type Engine,
  type Lake,
  type Table,
} from '../../../lake/index.ts';
import { generateLake } from '../../../lake/generate/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { rank, transform } from '../../../ops/cycle/index.ts';
import { generationFiles, type Manifest } from '../../../ops/cycle/publish.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { compareArms } from '../../../ops/demo/compare.ts';
import { demoConfig } from '../../../ops/demo/folder.ts';
import { bringUp } from '../../../ops/demo/run.ts';
import { exportModels } from '../../../ops/export/index.ts';
import { publishPseudonyms } from '../../../study/index.ts';
import { configIn } from '../../folders.ts';
import { editSeed, editedProject } from '../../integration/rank/edited-project.ts';
import { labelerVersions } from '../../integration/models/warehouse.ts';
import { startTrino, type TrinoServer } from '../../services/trino.ts';
import { startS3, type S3Server } from '../../services/versitygw.ts';
import { compare, describeLakeToTrino, runDbt, type Comparison } from './engines.ts';

export interface Model {
  name: string;
  isView: boolean;
}

/** A study in S3 whose models were built by DuckDB and by Trino, told the same as the generation in force. */
export interface StudyOnBoth {
  config: Config;
  trino: TrinoServer;
  /** With DuckDB's models at hand by their names. */
  engine: Engine;
  /** Every model of the project. */
  models: Model[];
  /** Seconds that each engine took, seeds and dbt's own start included. */
  seconds: Record<'duckdb' | 'trino', number>;
  /** What Trino's build read, and what there is to read: the Parquet files of both lakes. */
  bytes: { read: number; lake: number };
  compare(model: Model): Promise<Comparison>;
  /** Runs a command of dbt by one of the targets that come with `setup:services -- trino`, told the same as the builds were. */
  dbt(command: string, target: 'trino' | 'athena', args: string[]): Promise<string>;
  close(): Promise<void>;
}

/** Puts a study into buckets, up to a generation that is in force. */
export type Fill = (server: S3Server, folder: string) => Promise<Config>;

const exportKey = 'the key of both engines';

/**
 * What a generated lake has none of: posts of the same words, likes of posts that nobody captured, and posts that a second labeler
 * has labelled too.
 */
async function addWhatIsRare(lake: Lake, engine: Engine): Promise<void> {
  const from = async (table: Table, where: string, replaced: string, target: string): Promise<void> =>
    copyToLake(
      lake,
      engine,
      `SELECT ${typedColumns(table)} FROM (SELECT * REPLACE (${replaced}) FROM ${readTable(lake, table)} WHERE ${where}) ORDER BY ALL`,
      target,
    );
  const hour = 'dt=2026-07-04/hour=12';
  for (const [group, replaced] of [
    ['app.bsky.feed.post', `rkey || 'again' AS rkey`],
    [
      'app.bsky.feed.like',
      `rkey || 'again' AS rkey, regexp_replace(record, '(feed[.]post/)[a-z0-9]+', '\\1notcaptured') AS record`,
    ],
  ] as const)
    await from(
      tables.records,
      `collection_group = '${group}' AND dt = '2026-07-04' AND hour = '12' AND "operation" = 'create'`,
      replaced,
      `raw/records/collection_group=${group}/${hour}/rare.parquet`,
    );
  await from(
    tables.labels,
    `labeler = 'student_toxicity' AND dt = '2026-07-04'`,
    `'TOXICITY' AS "label", round(0.1 + 0.8 * score, 6) AS score`,
    'labels/values/labeler=perspective/dt=2026-07-04/rare.parquet',
  );
}

/** A generated study of so many posts with an arm of each kind, ranked after a generation that was read. */
export const generatedStudy =
  (posts: number): Fill =>
  async (server, folder) => {
    const base = configIn(folder, {
      FEEDTRIAL_LAKE: `${await server.bucket('study-lake')}/lake`,
      FEEDTRIAL_PRIVATE_LAKE: await server.bucket('study-private'),
      FEEDTRIAL_LABEL_PROFILE: 'demo',
      FEEDTRIAL_EXPORT_KEY: exportKey,
    });
    const config = { ...base, projectRoot: editedProject(folder) };
    const others = ['engagement_personal', 'diversified', 'interleaved'];
    editSeed(
      config.projectRoot,
      'arms.csv',
      (text) => text + others.map((arm) => `${arm},${arm},,1,open,,\n`).join(''),
    );
    editSeed(
      config.projectRoot,
      'label_precedence.csv',
      (text) => `${text}demo,toxic,perspective,TOXICITY,2\n`,
    );
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const engine = await openEngine();
    const { endUs } = await ensureTables(lake, privateLake, engine)
      .then(() =>
        generateLake({
          lake,
          privateLake,
          engine,
          posts,
          hours: 26,
          participants: 20,
          arms: ['reverse_chronological', 'engagement', 'treatment', ...others].map((arm) => ({
            arm,
            policy: arm,
            version: '1',
          })),
          labelVersions: labelerVersions(config.projectRoot),
        }),
      )
      .then(async (world) => {
        await addWhatIsRare(lake, engine);
        return world;
      })
      .finally(() => engine.close());
    const read = { generation: 'generated', feeds: 20, positions: 1_200, serving: servingPath('generated') };
    const publishedUs = endUs - 3_600_000_000;
    await lake.write(
      currentGenerationPath,
      formatCurrentGeneration({ ...read, published_us: publishedUs, as_of_us: publishedUs }),
    );
    const dbt = await openDbt(config);
    try {
      await transform({ config, dbt, asOfUs: endUs });
      await rank({ config, dbt, asOfUs: endUs, generation: 'both' });
    } finally {
      await dbt.close();
    }
    return config;
  };

/** The demo's miniature network: captured, labelled, ranked, served and read. */
export const miniatureStudy: Fill = async (server, folder) => {
  const network = path.join(folder, 'network');
  mkdirSync(network);
  const demo = await bringUp({
    config: {
      ...demoConfig(folder, {}),
      lake: `${await server.bucket('study-lake')}/lake`,
      privateLake: await server.bucket('study-private'),
      exportKey,
    },
    folder: network,
    source: { seed: 'feedtrial' },
    port: 0,
  });
  try {
    await compareArms(demo);
  } finally {
    await demo.close();
  }
  return demo.config;
};

/** Fills buckets, builds on both engines what the generation in force was built of, and exports it before Trino is told of the tables. */
export async function studyOnBoth(fill: Fill): Promise<StudyOnBoth> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const server: S3Server = await startS3();
    closers.push(() => server.stop());
    const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-both-'));
    closers.push(async () => {
      rmSync(folder, { recursive: true, force: true });
    });
    const config = await fill(server, folder);
    const lake = openLake(config.lake);
    const generation = (await readCurrentGeneration(lake))?.generation ?? '';
    const json = async (file: string): Promise<unknown> =>
      JSON.parse(Buffer.from((await lake.read(file)) ?? []).toString('utf8'));
    const { vars } = (await json(generationFiles(generation).manifest)) as Manifest;
    const { publish_id: publishId } = (await json('queue/current.json')) as { publish_id: string };

    const dbt = await openDbt(config);
    await exportModels({ config, dbt }).finally(() => dbt.close());
    const engine: Engine = await openEngine();
    closers.push(() => engine.close());
    await publishPseudonyms(config, engine); // the export has taken them away

    const parameters = { ...vars, publish_id: publishId, history: 'true' };
    const seconds = { duckdb: 0, trino: 0 };
    const build = async (target: 'duckdb' | 'trino', env: Record<string, string>): Promise<void> => {
      const beganMs = Date.now();
      const args = ['--exclude', 'resource_type:test', 'resource_type:unit_test'];
      await runDbt('build', { config, target, parameters, args, env });
      seconds[target] = (Date.now() - beganMs) / 1000;
    };
    await build('duckdb', {});
    const trino = await startTrino(server, await server.bucket('tables'));
    closers.push(() => trino.stop());
    const dayAfter = new Date(Number(vars.as_of_us) / 1000 + 86_400_000).toISOString().slice(0, 10);
    await describeLakeToTrino(trino, config, dayAfter);
    await build('trino', trino.env);
    const bytes = { read: await trino.bytesRead(), lake: 0 };
    for (const home of [lake, openLake(config.privateLake)])
      for (const file of await home.list('')) if (file.path.endsWith('.parquet')) bytes.lake += file.bytes;

    await engine.reach('s3://');
    const catalog = path.basename(config.warehouse, '.duckdb');
    await engine.run(`ATTACH ${sqlText(config.warehouse)} AS "${catalog}" (READ_ONLY); USE "${catalog}"`);
    const manifest = JSON.parse(
      readFileSync(path.join(path.dirname(config.warehouse), 'trino/target/manifest.json'), 'utf8'),
    ) as { nodes: Record<string, { resource_type: string; name: string; config: { materialized: string } }> };
    const models = Object.values(manifest.nodes)
      .filter((node) => node.resource_type === 'model')
      .map(({ name, config: { materialized } }) => ({ name, isView: materialized === 'view' }));
    return {
      config,
      trino,
      engine,
      models,
      seconds,
      bytes,
      compare: ({ name, isView }) => compare(engine, trino, name, isView),
      dbt: (command, target, args) => runDbt(command, { config, target, parameters, args, env: trino.env }),
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
