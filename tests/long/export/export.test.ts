import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import {
  ensureTables,
  openEngine,
  openLake,
  readTable,
  sqlText,
  tables,
  writeRows,
  type Engine,
} from '../../../lake/index.ts';
import { athenaDdl, describeTables } from '../../../ops/athena/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { exportModels, readManifests, type ExportSummary } from '../../../ops/export/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { publishPseudonyms } from '../../../study/index.ts';
import { configIn } from '../../folders.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';
import { writeLabels } from '../../integration/models/records.ts';
import { labelerVersions, readWarehouse } from '../../integration/models/warehouse.ts';

// One warehouse; every test exports it to a place of its own.
describe('export', { timeout: 600_000 }, () => {
  let folder: string;
  let config: Config;
  let engine: Engine;
  let dbt: Dbt;
  let world: GeneratedLake;
  let server: S3Server | null = null;

  beforeAll(async () => {
    silenceProgress();
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-export-test-'));
    config = configIn(folder, {
      FEEDTRIAL_LABEL_PROFILE: 'demo',
      FEEDTRIAL_EXPORT_KEY: 'a key of this release that nobody else has',
    });
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    engine = await openEngine();
    await ensureTables(lake, privateLake, engine);
    world = await generateLake({
      lake,
      privateLake,
      engine,
      posts: 400,
      hours: 8 * 24,
      labelVersions: labelerVersions(config.projectRoot),
    });
    // the generated answers are of one day: on the days before they were sent as well
    const sent = await engine.rows<{ served_us: bigint; req_id: string }>(
      `SELECT * EXCLUDE (dt, hour) FROM ${readTable(lake, tables.exposures)}`,
    );
    for (let before = 1; before <= 5; before++) {
      const day = new Date(world.endUs / 1000 - before * 86_400_000).toISOString();
      await writeRows(
        lake,
        engine,
        tables.exposures,
        { dt: day.slice(0, 10), hour: day.slice(11, 13) },
        sent.map((row) => ({
          ...row,
          req_id: `${row.req_id} ${before} days before`,
          served_us: Number(row.served_us) - before * 86_400e6,
        })),
        `${before}-days-before`,
      );
    }
    dbt = await openDbt(config);
    // what a transform would leave, without the models that no export reads and without tests
    await publishPseudonyms(config, engine);
    await dbt.run({
      command: 'build',
      select: ['+path:models/exports'],
      exclude: ['resource_type:test', 'resource_type:unit_test'],
      parameters: { as_of_us: world.endUs, label_profile: config.labelProfile, study: config.study },
    });
    await lake.write('queue/current.json', JSON.stringify({ publish_id: 'none', as_of_us: world.endUs }));
    if (hasVersitygw) server = await startS3();
  }, 600_000); // a build by dbt: a busy machine takes its time
  afterAll(async () => {
    await dbt?.close();
    await engine?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
    silenceProgress(false);
  });

  const place = (name: string): string => path.join(folder, name);
  const written = (summary: ExportSummary): number =>
    summary.models.reduce((sum, one) => sum + one.written, 0);
  /** Every file but the manifests, by path, with its hash. */
  const contents = async (to: string): Promise<Record<string, string>> => {
    const lake = openLake(to);
    const found: Record<string, string> = {};
    for (const { path: file } of await lake.list('exports'))
      if (!file.endsWith('_manifest.json'))
        found[file] = createHash('sha256')
          .update((await lake.read(file)) ?? '')
          .digest('hex');
    return found;
  };

  test('brings every export out, with manifests that say what is there and nobody’s account', async () => {
    const to = place('whole');
    const summary = await exportModels({ config, dbt, to });
    expect(summary.models.map((one) => one.model)).toContain('export_participant_days');
    expect(summary.models.every((one) => one.version === 1)).toBe(true);
    const manifests = await readManifests(openLake(to));
    expect(manifests.map(({ model }) => model)).toEqual(summary.models.map((one) => one.model));
    const files = await contents(to);
    expect(Object.keys(files)).toHaveLength(manifests.reduce((sum, { parts }) => sum + parts.length, 0));
    for (const { model, parts, rows, complete, partition, columns } of manifests) {
      expect([model, complete]).toEqual([model, true]);
      for (const part of parts)
        expect(files[`exports/${model}/v1/${part.path}`], part.path).toBe(part.sha256);
      const from = `read_parquet(${sqlText(path.join(to, 'exports', model, 'v1/**/*.parquet'))}, hive_partitioning = ${partition !== null}, hive_types_autocast = false)`;
      const [counted] = await engine.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${from}`);
      expect([model, Number(counted?.n)]).toEqual([model, rows]);
      const described = await engine.rows<{ column_name: string; column_type: string }>(
        `DESCRIBE SELECT * FROM ${from}`,
      );
      expect(described.filter((one) => one.column_name !== partition)).toEqual(
        columns.map(
          ({ name, type }) => expect.objectContaining({ column_name: name, column_type: type }) as unknown,
        ),
      );
      const [leak] = await engine.rows<{ n: bigint }>(
        `SELECT count(*) AS n FROM ${from} AS one WHERE to_json(one)::VARCHAR LIKE '%did:%' OR to_json(one)::VARCHAR LIKE '%at://%'`,
      );
      expect([model, leak?.n]).toEqual([model, 0n]);
    }
    // nothing above holds of nothing
    const byModel = new Map(summary.models.map((one) => [one.model, one]));
    for (const model of ['export_participant_days', 'export_daily_label_means', 'export_baseline_days'])
      expect(byModel.get(model)?.rows, model).toBeGreaterThan(0);
    expect(byModel.get('export_participant_days')?.partitions).toBeGreaterThan(1);
    const names = await engine.rows<{ participant_id: string }>(
      `SELECT participant_id FROM ${readTable(openLake(config.privateLake), tables.participants)}`,
    );
    const pseudonyms = await engine.rows<{ name: string }>(
      `SELECT DISTINCT participant_pseudonym AS name FROM read_parquet(${sqlText(path.join(to, 'exports/export_participant_days/v1/*/*.parquet'))})`,
    );
    expect(pseudonyms.length).toBeGreaterThan(1);
    const known = new Set(names.map((one) => one.participant_id));
    expect(pseudonyms.filter((one) => known.has(one.name))).toEqual([]);
  });

  test('writes what has changed alone, takes away what is gone, and gives the same person the same name', async () => {
    const to = place('again');
    await exportModels({ config, dbt, to });
    const before = await contents(to);
    const second = await exportModels({ config, dbt, to });
    expect(written(second)).toBe(0);
    expect(await contents(to)).toEqual(before);

    // one more answer of the feed server to each, a minute later: sooner it would be the same reading
    const lake = openLake(config.lake);
    const [first] = (await lake.list('raw/exposures')).filter(
      ({ path: file }) => !file.endsWith('empty.parquet'),
    );
    const source = first?.path ?? '';
    const added = `${path.posix.dirname(source)}/more.parquet`;
    await engine.run(
      `COPY (SELECT * REPLACE (req_id || '-again' AS req_id, served_us + 60000000 AS served_us, position + 500 AS position, 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/' || position AS uri)
       FROM read_parquet(${sqlText(lake.uri(source))}, hive_partitioning = false)) TO ${sqlText(lake.uri(added))} (FORMAT parquet)`,
    );
    try {
      const third = await exportModels({ config, dbt, to });
      const days = third.models.find((one) => one.model === 'export_participant_days');
      expect(days?.written).toBeGreaterThan(0);
      expect(days?.kept).toBeGreaterThan(0);
      const after = await contents(to);
      expect(Object.keys(after).filter((file) => after[file] !== before[file])).toHaveLength(written(third));
    } finally {
      await lake.remove(added);
    }
    // what only that answer brought is gone again, byte for byte
    await exportModels({ config, dbt, to });
    expect(await contents(to)).toEqual(before);
  });

  test('goes on where a killed one broke off, and comes out the same', async () => {
    const whole = place('unbroken');
    await exportModels({ config, dbt, to: whole });
    const to = place('broken');
    const dies = path.join(import.meta.dirname, 'exporting-that-dies.ts');
    for (const files of ['9', '9']) {
      const killed = await execa(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', dies, JSON.stringify(config), to, files],
        {
          reject: false,
          all: true,
          env: { TMPDIR: folder }, // what it can't clear away goes with the rest
        },
      );
      expect([killed.signal, killed.all]).toEqual(['SIGKILL', killed.all]);
    }
    const left = await readManifests(openLake(to));
    expect(left.some((one) => !one.complete)).toBe(true);
    const known = left.reduce((sum, { parts }) => sum + parts.length, 0);
    expect(known).toBeGreaterThan(9);
    const rest = await exportModels({ config, dbt, to });
    expect(await contents(to)).toEqual(await contents(whole));
    expect(written(rest)).toBe(Object.keys(await contents(whole)).length - known);
    expect((await readManifests(openLake(to))).every((one) => one.complete)).toBe(true);
  });

  test('refuses another key, columns that changed without a word, and no key at all', async () => {
    const to = place('refused');
    await exportModels({ config, dbt, to, models: ['export_baseline_days'] });
    const before = await contents(to);
    const wrong = { ...config, exportKey: 'another key of this release' };
    await expect(exportModels({ config: wrong, dbt, to })).rejects.toMatchObject({
      code: 'FT_EXPORT_OTHER_KEY',
    });
    await expect(
      exportModels({ config: { ...config, exportKey: undefined }, dbt, to }),
    ).rejects.toMatchObject({
      code: 'FT_EXPORT_KEY',
    });
    await expect(exportModels({ config, dbt, to, models: ['export_nothing'] })).rejects.toMatchObject({
      code: 'FT_EXPORT_MODEL',
    });
    const file = path.join(to, 'exports/export_baseline_days/v1/_manifest.json');
    const lake = openLake(to);
    await lake.write(
      path.posix.relative(to, file),
      readFileSync(file, 'utf8').replace('"name": "posts"', '"name": "posts_of_all"'),
    );
    await expect(exportModels({ config, dbt, to })).rejects.toMatchObject({
      code: 'FT_EXPORT_SCHEMA',
      message: expect.stringContaining('posts_of_all is gone; posts is new') as string,
    });
    expect(await contents(to)).toEqual(before);
  });

  test.skipIf(!hasVersitygw)(
    'goes to a bucket, where Athena has its tables by name and version',
    async () => {
      const to = `${await server?.bucket('exports')}/release-1`;
      await exportModels({ config, dbt, to });
      const local = place('for-the-bucket');
      await exportModels({ config, dbt, to: local });
      expect(await contents(to)).toEqual(await contents(local));
      const described = await describeTables({ lake: openLake(to), privateLake: openLake(place('nobody')) });
      const days = described.lake.find((table) => table.name === 'export_participant_days');
      if (!days) throw new Error('no table');
      const ddl = athenaDdl('study', days);
      expect(ddl).toContain('PARTITIONED BY (`event_day` string)');
      expect(ddl).toContain(`LOCATION '${to}/exports/export_participant_days/v1/'`);
      expect(ddl).toMatch(/'projection\.event_day\.range' = '\d{4}-\d\d-\d\d,NOW'/);
      expect(described.lake.map((table) => table.name)).toContain('export_label_correlations');
    },
  );

  test('has what labelers answered since the models of the day were built', async () => {
    const labelled = async (to: string): Promise<number> => {
      await exportModels({ config, dbt, to, models: ['export_baseline_days'] });
      const [sum] = await engine.rows<{ n: bigint }>(
        `SELECT sum(toxic_labelled)::BIGINT AS n FROM read_parquet(${sqlText(path.join(to, 'exports/export_baseline_days/v1/**/*.parquet'))})`,
      );
      return Number(sum?.n);
    };
    const before = await labelled(place('before-the-answers'));
    const unlabelled = await readWarehouse(config, (rows) =>
      rows<{ uri: string; cid: string }>(
        `SELECT uri, cid FROM int_posts__filtered SEMI JOIN (SELECT uri FROM int_posts__baseline WHERE toxic IS NULL) USING (uri) LIMIT 5`,
      ),
    );
    expect(unlabelled).toHaveLength(5);
    const { student_toxicity: version = '' } = labelerVersions(config.projectRoot);
    await writeLabels(
      openLake(config.lake),
      engine,
      'since',
      world.endUs,
      unlabelled.map((post) => ({
        ...post,
        labeler: 'student_toxicity',
        version,
        label: 'toxic',
        score: 0.5,
      })),
    );
    // an hour of the schedule builds nothing that only exports read
    await dbt.run({
      command: 'run',
      select: ['+int_posts__labels', 'int_posts__outcome_labels'],
      exclude: ['tag:history'],
      parameters: { as_of_us: world.endUs, label_profile: config.labelProfile, study: config.study },
    });
    expect(await labelled(place('after-the-answers'))).toBe(before + 5);
  });
});
