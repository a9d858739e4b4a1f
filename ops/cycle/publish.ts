import { hash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { parquetOptions, sqlText, type Engine, type Lake } from '../../lake/index.ts';
import {
  currentGenerationPath,
  encodeServing,
  formatCurrentGeneration,
  feedsFile,
  generationFolder,
  pairsFolder,
  servingPath,
  type CurrentGeneration,
  type ServedFeed,
} from '../../lake/feeds/index.ts';
import type { KeptPromise } from './promise.ts';

/** One check of a generation, as the model `feeds_guardrails` measured it. */
export interface Guardrail {
  guardrail: string;
  /** Null where nothing measured it, which doesn't pass. */
  measured_value: number | null;
  comparison: 'at_least' | 'at_most';
  bound: number;
  unit: string;
  description: string;
  /** What exactly is wrong and what to do about it, where SQL knows. */
  detail: string | null;
  is_passed: boolean;
}

/** The feeds of one arm. */
export interface ArmSummary {
  arm: string;
  policy: string;
  policy_version: string;
  feeds: number;
  positions: number;
  /** Posts in the shortest feed. */
  shortest: number;
}

/** `manifest.json` of a generation: what it was made of, so that it can be made again and be found unchanged. */
export interface Manifest {
  format: 'generation/2';
  generation: string;
  previous_generation: string | null;
  run_id: string;
  created_us: number;
  as_of_us: number;
  random_seed: string;
  similarity_set: string;
  /** Every var that dbt was given. */
  vars: Record<string, string | number>;
  code: { version: string; git_revision: string | null; git_clean: boolean | null };
  engine: { duckdb: string; node: string };
  /** File of seeds/ -> sha256. */
  seeds: Record<string, string>;
  /**
   * Partition of the lake from the week before, or similarity set -> what lay there when the generation was published: what the
   * models read may have been a little less.
   */
  inputs: Record<string, { files: number; bytes: number; rows: number }>;
  /** How feeds.parquet was written: its query's order and DuckDB's options. */
  copy: { order_by: string; options: string };
  counts: { feeds: number; positions: number; posts: number; scored_posts: number };
  arms: ArmSummary[];
  guardrails: Guardrail[];
  /** What was frozen and amended when it was ranked; missing in generations from before this was recorded. */
  promise?: KeptPromise;
  /** File of the generation -> bytes and sha256. */
  files: Record<string, FileFacts>;
  /** The same in the private lake: whom participants follow, and the pairs of participants and posts. */
  private_files: Record<string, FileFacts>;
  /** Participant -> sha256 over the lines of their feed, as `feedLine` writes one. */
  participants: Record<string, string>;
}

export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** What a hash of a feed is taken over: a line a position, lines joined by line feeds. */
export const feedLine = `concat_ws('|', position, uri, cid, author_did, arm, policy, policy_version,
  printf('%.9f', score), position_before_shuffle, shuffle_offset, coalesce(printf('%.9f', propensity), '-'), coalesce(credited_policy, '-'))`;

/** Participant, sha256 over the lines of their feed, from rows as `feeds.parquet` has them. */
export const feedHashes = (feeds: string): string => `
  SELECT participant_id, sha256(string_agg(${feedLine}, chr(10) ORDER BY position)) AS feed_hash
  FROM ${feeds} GROUP BY participant_id ORDER BY participant_id`;

/** The order of the rows of feeds.parquet; the model `fct_feeds` says the same. */
const feedsOrder = 'participant_id, position';

export interface GenerationFiles {
  /** Of one that is ranked now; `findFeeds` knows where an older one has them. */
  feeds: string;
  scored: string;
  guardrails: string;
  policies: string;
  manifest: string;
  /** There once the generation has been in force. */
  published: string;
}

/** Where a generation's files are in the lake. */
export function generationFiles(generation: string): GenerationFiles {
  const folder = generationFolder(generation);
  return {
    feeds: `${folder}/${feedsFile}`,
    scored: `${folder}/inputs/scored.parquet`,
    guardrails: `${folder}/inputs/guardrails.parquet`,
    policies: `${folder}/inputs/policies.parquet`,
    manifest: `${folder}/manifest.json`,
    published: `${folder}/published.json`,
  };
}

const parquet = (lake: Lake, file: string): string =>
  `read_parquet(${sqlText(lake.uri(file))}, hive_partitioning = false)`;

export async function readGuardrails(lake: Lake, engine: Engine, generation: string): Promise<Guardrail[]> {
  return engine.rows<Guardrail>(
    `SELECT guardrail, measured_value, comparison, bound, unit, description, detail, is_passed
     FROM ${parquet(lake, generationFiles(generation).guardrails)} ORDER BY guardrail`,
  );
}

/** The policy versions that a generation ranked with. */
export async function readPolicies(
  lake: Lake,
  engine: Engine,
  generation: string,
): Promise<{ policy: string; version: string }[]> {
  return engine.rows(
    `SELECT policy, version FROM ${parquet(lake, generationFiles(generation).policies)} ORDER BY policy, version`,
  );
}

/** Seeds and compiled models of this generation, put beside it; returns each seed's hash. */
async function keepSources(
  lake: Lake,
  generation: string,
  projectRoot: string,
  compiled: readonly { name: string; file: string }[],
): Promise<Record<string, string>> {
  const folder = `${generationFolder(generation)}/inputs`;
  const hashes: Record<string, string> = {};
  const seeds = path.join(projectRoot, 'seeds');
  for (const name of (await readdir(seeds)).filter((file) => file.endsWith('.csv')).sort()) {
    const content = await readFile(path.join(seeds, name));
    hashes[name] = hash('sha256', content);
    await lake.write(`${folder}/seeds/${name}`, content);
  }
  for (const { name, file } of compiled) await lake.write(`${folder}/sql/${name}.sql`, await readFile(file));
  return hashes;
}

async function codeVersion(projectRoot: string): Promise<Manifest['code']> {
  const { version } = JSON.parse(await readFile(path.join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const git = async (...args: string[]): Promise<string | null> => {
    const { exitCode, stdout } = await execa('git', args, { cwd: projectRoot, reject: false });
    return exitCode === 0 ? stdout.trim() : null; // a deployment may come without git or its history
  };
  const revision = await git('rev-parse', 'HEAD');
  const changes = revision === null ? null : await git('status', '--porcelain', '--untracked-files=no');
  return { version, git_revision: revision, git_clean: changes === null ? null : changes === '' };
}

/** Files of a folder with their hashes, by path in it. */
async function factsOf(lake: Lake, folder: string, leaveOut: string): Promise<Record<string, FileFacts>> {
  const facts: Record<string, FileFacts> = {};
  for (const { path: file, bytes } of await lake.list(folder)) {
    const content = file === leaveOut ? null : await lake.read(file);
    if (content !== null) facts[file.slice(folder.length + 1)] = { bytes, sha256: hash('sha256', content) };
  }
  return facts;
}

/** A week covers what filters, superposters and the lookback of every policy count. */
const inputDays = 7;

/** Partitions that the models read for a moment, as they are now, with rows from their footers. */
async function readInputs(
  lake: Lake,
  engine: Engine,
  asOfUs: number,
  similaritySet: string,
): Promise<Manifest['inputs']> {
  const day = (us: number): string => new Date(us / 1000).toISOString().slice(0, 10);
  const first = day(asOfUs - inputDays * 86_400e6);
  const wanted = (file: string): boolean => {
    const [, dt] = /\/dt=([^/]+)\//.exec(file) ?? [];
    return dt === undefined ? file.includes(`/set=${similaritySet}/`) : dt >= first && dt <= day(asOfUs);
  };
  const inputs: Manifest['inputs'] = {};
  for (const folder of ['raw/records', 'labels', 'tombstones', 'similarity']) {
    const files = (await lake.list(folder)).filter(
      ({ path: file }) => file.endsWith('.parquet') && wanted(file),
    );
    if (files.length === 0) continue;
    const uris = files.map(({ path: file }) => sqlText(lake.uri(file))).join(', ');
    const rowsOf = new Map(
      (
        await engine.rows<{ file_name: string; num_rows: bigint }>(
          `SELECT file_name, num_rows FROM parquet_file_metadata([${uris}])`,
        )
      ).map(({ file_name: name, num_rows: rows }) => [name, Number(rows)]),
    );
    for (const { path: file, bytes } of files) {
      const partition = (inputs[path.posix.dirname(file)] ??= { files: 0, bytes: 0, rows: 0 });
      partition.files++;
      partition.bytes += bytes;
      partition.rows += rowsOf.get(lake.uri(file)) ?? 0;
    }
  }
  return inputs;
}

/** One feed. */
export interface FeedRow {
  participant_id: string;
  arm: string;
  policy: string;
  policy_version: string;
  uris: string[];
  feed_hash: string;
}

/** A generation's feeds as the file for serving, with the rows that it was made of. Equal feeds give equal bytes. */
export async function encodeFeeds(
  engine: Engine,
  feeds: string,
  generation: string,
): Promise<{ bytes: Uint8Array; rows: FeedRow[]; positions: number; posts: number }> {
  const rows = await engine.rows<FeedRow>(
    `SELECT participant_id, min(arm) AS arm, min(policy) AS policy, min(policy_version) AS policy_version,
       list(uri ORDER BY position) AS uris, feed_hash
     FROM ${feeds} JOIN (${feedHashes(feeds)}) USING (participant_id)
     GROUP BY participant_id, feed_hash ORDER BY participant_id`,
  );
  const indexOf = new Map<string, number>();
  const served = rows.map((row): ServedFeed => ({
    participantId: row.participant_id,
    arm: row.arm,
    policy: row.policy,
    policyVersion: row.policy_version,
    positions: Uint32Array.from(row.uris, (uri) => {
      const index = indexOf.get(uri) ?? indexOf.size;
      indexOf.set(uri, index);
      return index;
    }),
  }));
  const positions = served.reduce((total, feed) => total + feed.positions.length, 0);
  const bytes = encodeServing({ generation, uris: [...indexOf.keys()], feeds: served });
  return { bytes, rows, positions, posts: indexOf.size };
}

export interface PublishOptions {
  lake: Lake;
  privateLake: Lake;
  engine: Engine;
  projectRoot: string;
  generation: string;
  runId: string;
  vars: Record<string, string | number>;
  asOfUs: number;
  similaritySet: string;
  randomSeed: string;
  /** What the pointer held when this generation was begun; null where there was none. */
  expected: Uint8Array | null;
  previousGeneration: string | null;
  guardrails: Guardrail[];
  promise: KeptPromise;
  /** Models of this generation with their compiled SQL. */
  compiled: readonly { name: string; file: string }[];
  now: () => number;
  /** Called when everything but the pointer is in place. */
  beforeSwap?: () => Promise<void> | void;
}

/**
 * Completes a generation that passed its guardrails (serving.arrow, seeds, compiled SQL, manifest.json) and moves the
 * pointer to it. Until then nobody reads it; a process that dies before leaves the last generation in force.
 * @throws FeedtrialError FT_LAKE_POINTER_RACED where another generation was published meanwhile
 */
export async function publishGeneration(options: PublishOptions): Promise<Manifest> {
  const { lake, engine, generation, now } = options;
  const files = generationFiles(generation);
  const feeds = parquet(lake, files.feeds);

  const { bytes: serving, rows, positions, posts } = await encodeFeeds(engine, feeds, generation);
  await lake.write(servingPath(generation), serving);
  const seeds = await keepSources(lake, generation, options.projectRoot, options.compiled);

  const arms = await engine.rows<ArmSummary>(
    `SELECT arm, policy, policy_version, count(*)::DOUBLE AS feeds, sum(posts)::DOUBLE AS positions,
       min(posts)::DOUBLE AS shortest
     FROM (SELECT participant_id, arm, policy, policy_version, count(*) AS posts FROM ${feeds} GROUP BY ALL)
     GROUP BY ALL ORDER BY ALL`,
  );
  const [facts] = await engine.rows<{ scored_posts: number; duckdb: string }>(
    `SELECT count(*)::DOUBLE AS scored_posts, version() AS duckdb FROM ${parquet(lake, files.scored)}`,
  );
  const folder = generationFolder(generation);
  const manifest: Manifest = {
    format: 'generation/2',
    generation,
    previous_generation: options.previousGeneration,
    run_id: options.runId,
    created_us: Math.round(now() * 1000),
    as_of_us: options.asOfUs,
    random_seed: options.randomSeed,
    similarity_set: options.similaritySet,
    vars: options.vars,
    code: await codeVersion(options.projectRoot),
    engine: { duckdb: facts?.duckdb ?? '', node: process.version },
    seeds,
    counts: { feeds: rows.length, positions, posts, scored_posts: facts?.scored_posts ?? 0 },
    arms,
    guardrails: options.guardrails,
    promise: options.promise,
    inputs: await readInputs(lake, engine, options.asOfUs, options.similaritySet),
    copy: { order_by: feedsOrder, options: parquetOptions },
    files: await factsOf(lake, folder, files.manifest),
    private_files: {
      ...(await factsOf(options.privateLake, folder, '')),
      ...(await factsOf(options.privateLake, pairsFolder(generation), '')),
    },
    participants: Object.fromEntries(rows.map((row) => [row.participant_id, row.feed_hash])),
  };
  await lake.write(files.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  await options.beforeSwap?.();
  const current: CurrentGeneration = {
    generation,
    published_us: Math.round(now() * 1000),
    as_of_us: options.asOfUs,
    feeds: rows.length,
    positions,
    serving: servingPath(generation),
  };
  await lake.swap(currentGenerationPath, options.expected, formatCurrentGeneration(current));
  await markPublished(lake, current);
  return manifest;
}

/** Takes out a generation that was not published, all of it. */
export async function discardGeneration(lakes: readonly Lake[], generation: string): Promise<void> {
  for (const lake of lakes)
    for (const folder of [generationFolder(generation), pairsFolder(generation)])
      for (const { path: file } of await lake.list(folder)) await lake.remove(file);
}

/** Says for good that a generation was in force: from then on nothing here removes it. Harmless to repeat. */
export async function markPublished(lake: Lake, current: CurrentGeneration): Promise<void> {
  const { published } = generationFiles(current.generation);
  await lake.create(published, `${JSON.stringify({ published_us: current.published_us })}\n`);
}

/**
 * Takes out generations that ranking began, never published and has not touched for an hour: what processes that died
 * left. Every generation that ranking writes has `inputs/`; the one in force is marked before this is called.
 * @returns their names
 */
export async function discardAbandoned(lake: Lake, privateLake: Lake, nowMs: number): Promise<string[]> {
  const touchedMs = new Map<string, number>();
  const published = new Set<string>();
  for (const { path: file, modifiedMs } of await lake.list('feeds')) {
    const [, name, rest = ''] = /^feeds\/generation=([^/]+)\/(.+)$/.exec(file) ?? [];
    if (name === undefined) continue;
    const generation = decodeURIComponent(name);
    if (rest === 'published.json') published.add(generation);
    if (rest.startsWith('inputs/'))
      touchedMs.set(generation, Math.max(touchedMs.get(generation) ?? 0, modifiedMs));
  }
  const abandoned = [...touchedMs]
    .filter(([generation, ms]) => !published.has(generation) && nowMs - ms > 3_600_000)
    .map(([generation]) => generation);
  for (const generation of abandoned) await discardGeneration([lake, privateLake], generation);
  return abandoned;
}
