import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openEngine, openLake, sqlText, type Engine, type Lake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { readBuilt, transform } from '../cycle/index.ts';
import type { Dbt } from '../dbt/index.ts';
import { createProgress } from '../progress/index.ts';
import { newRunId, runStage } from '../telemetry/index.ts';
import { exportErrors } from './errors.ts';
import {
  keyId,
  manifestPath,
  partPath,
  readManifest,
  schemaChanges,
  versionFolder,
  type ExportManifest,
  type ExportPart,
} from './manifest.ts';
import { readExportModels, type ExportModel } from './models.ts';

export interface ExportOptions {
  config: Config;
  dbt: Dbt;
  /** Folder or `s3://bucket/prefix` that gets `exports/`; the lake by default. */
  to?: string;
  /** Names of models; every export by default. */
  models?: string[];
  signal?: AbortSignal;
  now?: () => number;
  /** For tests: called after each file that was written. */
  onPart?: (path: string) => void | Promise<void>;
}

export interface ExportedModel {
  model: string;
  version: number;
  rows: number;
  partitions: number;
  written: number;
  kept: number;
  removed: number;
  bytes: number;
}

export interface ExportSummary {
  to: string;
  models: ExportedModel[];
  stopped: boolean;
}

interface Made {
  value: string | null;
  file: string;
  part: ExportPart;
}

/** What dbt wrote for a model, with counts and hashes. */
async function look(engine: Engine, model: ExportModel, folder: string): Promise<Made[]> {
  const made: Made[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const file = path.join(folder, name);
    const value = model.partition === null ? null : path.basename(name, '.parquet');
    const content = await readFile(file);
    const [counted] = await engine.rows<{ n: bigint }>(
      `SELECT count(*) AS n FROM read_parquet(${sqlText(file)})`,
    );
    made.push({
      value,
      file,
      part: {
        value,
        path: partPath(model.partition, value),
        rows: Number(counted?.n),
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      },
    });
  }
  return made;
}

/** How often the manifest of an export that is at it says how far it has come. */
const noteEveryMs = 5_000;

/**
 * Puts what is new or differs in place. The manifest of a version moves under a condition, so that of two exports at once one fails;
 * it says that it isn't complete until the last file is there, and which files are, so that the next one goes on from there.
 */
async function publish(
  lake: Lake,
  model: ExportModel,
  made: Made[],
  facts: { key_id: string; as_of_us: number },
  options: Pick<ExportOptions, 'signal' | 'onPart'> & { now: () => number },
): Promise<ExportedModel & { stopped: boolean }> {
  const { now, signal } = options;
  const folder = versionFolder(model.name, model.version);
  const place = manifestPath(model.name, model.version);
  const { bytes: before, manifest: last } = await readManifest(lake, model.name, model.version);
  const there = new Map((last?.parts ?? []).map((part) => [part.path, part]));
  const wanted = new Set(made.map(({ part }) => part.path));
  const gone = [...there.keys()].filter((file) => !wanted.has(file));
  const changed = made.filter(({ part }) => there.get(part.path)?.sha256 !== part.sha256);
  const summary = {
    model: model.name,
    version: model.version,
    rows: made.reduce((sum, { part }) => sum + part.rows, 0),
    partitions: made.length,
    written: 0,
    kept: made.length - changed.length,
    removed: 0,
    bytes: 0,
    stopped: false,
  };
  if (last?.complete && changed.length === 0 && gone.length === 0) return summary;

  let held = before;
  const note = async (complete: boolean): Promise<void> => {
    const parts = [...there.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const manifest: ExportManifest = {
      model: model.name,
      version: model.version,
      description: model.description,
      columns: model.columns,
      partition: model.partition,
      ...facts,
      complete,
      exported_us: Math.round(now() * 1000),
      rows: parts.reduce((sum, part) => sum + part.rows, 0),
      parts,
    };
    const next = `${JSON.stringify(manifest, null, 1)}\n`;
    await lake.swap(place, held, next);
    held = Buffer.from(next);
  };
  await note(false);
  let notedMs = now();
  for (const { file, part } of changed) {
    if (signal?.aborted) {
      summary.stopped = true;
      break;
    }
    await lake.upload(file, `${folder}/${part.path}`);
    there.set(part.path, part);
    summary.written++;
    summary.bytes += part.bytes;
    await options.onPart?.(part.path);
    if (now() - notedMs > noteEveryMs) {
      await note(false);
      notedMs = now();
    }
  }
  if (!summary.stopped)
    for (const file of gone) {
      await lake.purge(`${folder}/${file}`); // rows that left may be a person's who was erased
      there.delete(file);
      summary.removed++;
    }
  await note(!summary.stopped);
  return summary;
}

/**
 * Builds the exports with the key of the release and brings what is new or has changed to a place: one file a partition, below
 * `exports/<model>/v<version>/`, with a manifest of rows and hashes. People and posts have names that hold for that key alone.
 * @throws FeedtrialError FT_EXPORT_KEY, FT_EXPORT_OTHER_KEY, FT_EXPORT_SCHEMA, FT_EXPORT_MODEL, FT_EXPORT_CONTRACT,
 *   FT_EXPORT_NOT_TRANSFORMED; from dbt (FT_DBT_…); FT_LAKE_POINTER_RACED where two exports write to one place at once
 */
export async function exportModels(options: ExportOptions): Promise<ExportSummary> {
  const { config, dbt, now = Date.now, signal } = options;
  const key = config.exportKey;
  if (key === undefined) throw exportErrors.noKey();
  const lake = openLake(options.to ?? config.lake);
  const runId = newRunId(now());
  return runStage({ config, dag: 'export', runId, stage: 'export', now }, async (stage) => {
    const { asOfUs, knownAtUs } = await readBuilt(openLake(config.lake));
    if (asOfUs === null) throw exportErrors.notTransformed();
    // the tables may be there with names that another key gave; and what they are made from, where the hours leave it out
    await transform({
      config,
      dbt,
      select: ['+path:models/exports,tag:history'],
      asOfUs,
      ...(knownAtUs === null ? {} : { knownAtUs }),
      dag: 'export',
      runId,
      now,
      ...(signal ? { signal } : {}),
    });
    const models = await readExportModels(config, options.models);
    const facts = { key_id: keyId(key), as_of_us: asOfUs };
    for (const model of models) {
      const { manifest } = await readManifest(lake, model.name, model.version);
      if (manifest === null) continue;
      if (manifest.key_id !== facts.key_id)
        throw exportErrors.otherKey(lake.uri(versionFolder(model.name, model.version)));
      const changes = schemaChanges(manifest, model.columns, model.partition);
      if (changes.length > 0) throw exportErrors.schemaChanged(model.name, model.version, changes);
    }
    const scratch = await mkdtemp(path.join(os.tmpdir(), 'feedtrial-export-'));
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    const progress = createProgress({ label: 'export' });
    try {
      const asked = models.map((model) => ({
        model: model.name,
        partition: model.partition ?? '',
        folder: path.join(scratch, model.name),
      }));
      for (const { folder } of asked) await mkdir(folder);
      await dbt.run({
        command: 'run-operation',
        macro: 'write_release',
        macroArguments: { exports: asked },
        ...(signal ? { signal } : {}),
      });
      const summary: ExportSummary = { to: lake.root, models: [], stopped: false };
      for (const model of models) {
        progress.note(model.name);
        const made = await look(engine, model, path.join(scratch, model.name));
        const { stopped, ...exported } = await publish(lake, model, made, facts, { ...options, now });
        summary.models.push(exported);
        summary.stopped ||= stopped;
        if (stopped) break;
      }
      const sum = (what: 'written' | 'kept' | 'removed' | 'rows'): number =>
        summary.models.reduce((total, model) => total + model[what], 0);
      progress.done(`${sum('written')} files written, ${sum('kept')} kept, ${sum('removed')} removed`);
      stage.records = sum('rows');
      stage.detail.to = lake.root;
      stage.detail.written = sum('written');
      if (summary.stopped) stage.outcome = 'partial';
      return summary;
    } finally {
      await engine.close();
      await rm(scratch, { recursive: true, force: true });
    }
  });
}
