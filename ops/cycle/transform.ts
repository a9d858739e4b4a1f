import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { similarityPublishOf } from '../../enrich/similarity/published.ts';
import { publishBackfillQueues } from '../../extract/backfill/index.ts';
import {
  ensureTables,
  makePrivate,
  openEngine,
  openLake,
  publishFolder,
  removeOldPublishes,
  type Lake,
} from '../../lake/index.ts';
import { publishPseudonyms, refreshRoster, removePseudonyms } from '../../study/index.ts';
import type { Config } from '../config/index.ts';
import type { Dbt } from '../dbt/index.ts';
import { newRunId, runStage } from '../telemetry/index.ts';
import { forgetSeeds, modelsAsTheyAre, noteLoadedSeeds, seedsAsTheyAre, seedsToLoad } from './seeds.ts';

/**
 * 'everything' but ranking; 'queue' only what leads to the labelers' queue, and 'labels of the queue' of that only what labels reach: what
 * follows from raw was built at the same `asOfUs` and stands.
 */
export type TransformWhat = 'everything' | 'queue' | 'labels of the queue';

export interface TransformOptions {
  config: Config;
  dbt: Dbt;
  /**
   * dbt selectors; without them everything but ranking is built. What follows from a model by `model+` doesn't reach into ranking, observation
   * and training, which have runs of their own, but where a selector names them. Seeds that were edited are loaded as well.
   */
  select?: string[];
  /** How much of them without selectors; default 'everything'. */
  what?: TransformWhat;
  /**
   * Whether what counts over all history (tag 'history') is built as well: every export, what operators look at by day, and what backfill
   * is to fetch.
   * Default true; a cycle builds it once a day.
   */
  history?: boolean;
  /** Rebuild incremental models from nothing. */
  full?: boolean;
  /** The moment that ages and windows are counted to, microseconds UTC; now by default. */
  asOfUs?: number;
  /** What came into the lake later is not known, microseconds UTC; by default all that is there is. */
  knownAtUs?: number;
  dag?: string;
  runId?: string;
  signal?: AbortSignal;
  now?: () => number;
}

export interface TransformSummary {
  publishId: string;
  /** False where the selection left the queue out: the pointer then still names the one before. */
  published: boolean;
  /** Models, seeds and tests that were built or run. */
  nodes: number;
}

const pointer = 'queue/current.json';

/** What is built: the queue in force, and the moment that the models speak of. */
interface Built {
  publish_id: string;
  /** Where what similarity is computed from was published, if not with this queue. */
  similarity_publish_id?: string;
  /** Microseconds UTC; absent where only a selection was ever built. */
  as_of_us?: number;
  /** What came in later is not in the models; absent where all is. */
  known_at_us?: number;
}

/**
 * The moment that the models in the warehouse speak of, null where nothing says it, and the one after which they know nothing, null where they
 * know all that is in the lake; microseconds UTC.
 */
export async function readBuilt(lake: Lake): Promise<{ asOfUs: number | null; knownAtUs: number | null }> {
  return builtOf(await lake.read(pointer));
}

function builtOf(content: Uint8Array | null): { asOfUs: number | null; knownAtUs: number | null } {
  const built = content === null ? null : (JSON.parse(Buffer.from(content).toString('utf8')) as Built);
  return { asOfUs: built?.as_of_us ?? null, knownAtUs: built?.known_at_us ?? null };
}

const historyFile = 'queue/history.json';

/** When what counts over all history was last built, microseconds UTC, and of which SQL. */
interface BuiltHistory {
  built_us: number;
  models?: string;
}

/** Whether what counts over all history was last built on another UTC day, of other SQL, in another warehouse, or never. */
export async function historyIsDue(lake: Lake, config: Config, nowMs: number): Promise<boolean> {
  const content = await lake.read(historyFile);
  if (content === null) return true;
  const built = JSON.parse(Buffer.from(content).toString('utf8')) as BuiltHistory;
  const dayMs = 86_400_000;
  if (Math.floor(built.built_us / 1000 / dayMs) !== Math.floor(nowMs / dayMs)) return true;
  return built.models !== (await modelsAsTheyAre(config));
}

/** Where dbt writes a queue of this publish id; its external models need the folder to be there. */
const folderOf = (publishId: string) => publishFolder('queue', publishId);

const selectorsOf: Record<TransformWhat, string[]> = {
  everything: [],
  queue: ['+labels_queue'],
  'labels of the queue': ['stg_labels__values+,+labels_queue', 'stg_labels__embeddings+,+labels_queue'],
};

/** What has runs of its own: as dbt selects it, and where its models are. */
const ownRuns = [
  { selector: 'path:models/rank', models: 'rank' },
  { selector: 'tag:observe', models: 'observe' },
  { selector: 'tag:training', models: 'unify/training_examples.sql' },
];

/** Of those, what `model+` would reach into and no selector names, be it by a model, a folder or a tag. */
async function unnamedOwnRuns(projectRoot: string, asked: string[]): Promise<string[]> {
  const tokens = asked.flatMap((selector) => selector.split(/[\s,]+/));
  if (asked.length > 0 && !tokens.some((token) => /^@|\+\d*$/.test(token))) return [];
  const names = tokens.map((token) => token.replace(/^@|^\d*\+|\+\d*$/g, '').replace(/\/$/, ''));
  const unnamed: string[] = [];
  for (const { selector, models } of ownRuns) {
    const folder = path.join(projectRoot, 'models', models);
    // what observation reads of all history, `obs_…`, is built here
    const files = models.endsWith('.sql')
      ? [models]
      : (await readdir(folder)).filter((file) => !file.startsWith('obs_'));
    const own = [selector, models, `path:models/${models}`, ...files.map((file) => path.parse(file).name)];
    if (!names.some((name) => own.includes(name))) unnamed.push(selector);
  }
  return unnamed;
}

/** DuckDB's COPY makes no folders on a local disk; a bucket has none to make. */
async function makeFolder(lake: Lake, folder: string): Promise<void> {
  const place = lake.uri(folder);
  if (path.isAbsolute(place)) await mkdir(place, { recursive: true });
}

/**
 * Builds every model but ranking, then moves the pointer to the new queue. A failure leaves the pointer as it was, so
 * that labelers go on with the last queue that was whole.
 * @throws FeedtrialError from dbt (FT_DBT_…), FT_LAKE_POINTER_RACED where two transforms publish at once
 */
export async function transform(options: TransformOptions): Promise<TransformSummary> {
  const { config, dbt, now = Date.now, runId = newRunId(now()), dag = 'transform' } = options;
  return runStage({ config, dag, runId, stage: 'transform', now }, async (stage) => {
    const { what = 'everything' } = options;
    if (what === 'everything') await refreshRoster(config); // who enrols or leaves may have died before publishing it
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const asked = options.select ?? [];
    const history = (options.history ?? true) && what === 'everything';
    const buildsExports = asked.length > 0 || history;
    const seeds = await seedsAsTheyAre(config);
    const edited = options.full ? Object.keys(seeds) : await seedsToLoad(config, seeds);
    await forgetSeeds(config, edited);
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    try {
      await ensureTables(lake, privateLake, engine);
      if (buildsExports) await publishPseudonyms(config, engine);
    } finally {
      await engine.close();
    }
    const publishId = newRunId(now());
    const before = await lake.read(pointer);
    await makeFolder(lake, folderOf(publishId));
    await makeFolder(privateLake, folderOf(publishId)); // what participants liked goes there
    // what participants follow and like is in the warehouse as well
    const warehouse = path.dirname(config.warehouse);
    if (warehouse !== config.projectRoot) await makePrivate(warehouse);
    const whole = asked.length === 0 && what === 'everything';
    // a part is built for the moment that the rest stands at: at another one, rows of the rest would be too old for it, or from its future
    const stands = asked.length > 0 && options.asOfUs === undefined ? builtOf(before) : null;
    const asOfUs = options.asOfUs ?? stands?.asOfUs ?? Math.round(now() * 1000);
    const knownAtUs = options.knownAtUs ?? stands?.knownAtUs ?? null;
    const select = asked.length > 0 ? [...asked, ...edited] : selectorsOf[what];
    const result = await dbt
      .run({
        command: 'build',
        ...(select.length > 0 ? { select } : {}),
        // of a part, tests that need more than the part wait for the whole
        ...(whole ? {} : { indirectSelection: 'buildable' as const }),
        // what unit tests say about the SQL doesn't change with the data: they run when the SQL changes, not every cycle
        exclude: [
          ...(await unnamedOwnRuns(config.projectRoot, asked)),
          ...(asked.length > 0 || history ? [] : ['tag:history']),
          ...(asked.length > 0 || edited.length > 0 ? [] : ['resource_type:seed']),
          'test_type:unit',
        ],
        parameters: {
          publish_id: publishId,
          as_of_us: asOfUs,
          known_at_us: knownAtUs ?? 0,
          history: String(history),
          label_profile: config.labelProfile,
          study: config.study,
        },
        ...(options.full ? { fullRefresh: true } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      })
      .finally(() => (buildsExports ? removePseudonyms(config) : undefined));
    if (whole) {
      await noteLoadedSeeds(config, seeds);
      if (history) {
        const built: BuiltHistory = { built_us: asOfUs, models: await modelsAsTheyAre(config) };
        await lake.write(historyFile, `${JSON.stringify(built)}\n`);
      }
    }
    stage.records = result.nodes.length;
    stage.detail.publish_id = publishId;
    await publishBackfillQueues(privateLake, publishId, now());
    const published = await lake.exists(`${folderOf(publishId)}/labels.parquet`);
    if (published) {
      // a part leaves the other models at the moment that they were built for
      const built = whole ? { asOfUs, knownAtUs } : builtOf(before);
      const compared = (await lake.exists(`${folderOf(publishId)}/similarity_posts.parquet`))
        ? publishId
        : similarityPublishOf(before);
      const content: Built = {
        publish_id: publishId,
        ...(compared === null || compared === publishId ? {} : { similarity_publish_id: compared }),
        ...(built.asOfUs === null ? {} : { as_of_us: built.asOfUs }),
        ...(built.knownAtUs === null ? {} : { known_at_us: built.knownAtUs }),
      };
      await lake.swap(pointer, before, `${JSON.stringify(content)}\n`);
      const inForce = [publishId, ...(compared === null ? [] : [compared])];
      for (const each of [lake, privateLake]) await removeOldPublishes(each, 'queue', inForce, now());
    }
    return { publishId, published, nodes: result.nodes.length };
  });
}
