import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  openEngine,
  openLake,
  sqlText,
  tables,
  typedColumns,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import { feedsFile, findFeeds, generationFolder, pairsFolder } from '../../lake/feeds/index.ts';
import { readErased, type ErasedFromGeneration } from '../../study/index.ts';
import type { Config } from '../config/index.ts';
import { replayErrors } from './errors.ts';
import { attachWarehouse, buildCompiled, inOrder } from './compiled.ts';
import { latestPublished } from './previous.ts';
import { encodeFeeds, feedHashes, generationFiles, type FileFacts, type Manifest } from './publish.ts';

export interface ReplayOptions {
  config: Config;
  generation: string;
  /** Folder for the rebuilt feeds.parquet and serving.arrow; without it they are thrown away. */
  out?: string;
  onStep?: (step: string) => void;
}

/** What became of one participant's feed. */
export type FeedVerdict =
  /** Its hash is the one that was published. */
  | 'identical'
  /** It was erased: there is a hash and a receipt. */
  | 'erased'
  /** Posts in its reach were erased: what is left has the scores and the order that it had. */
  | 'checked_in_part'
  | 'different';

export interface ReplaySummary {
  generation: string;
  /** Whether every feed is what was published, those that an erasure touched left aside. */
  verified: boolean;
  /** Whether feeds.parquet and serving.arrow came out byte for byte. */
  identical_bytes: boolean;
  /** 'compacted' where only stored hashes could be checked, since what the generation was made of is gone. */
  how: 'rebuilt' | 'compacted';
  feeds: Record<FeedVerdict, number>;
  /** Those that are not identical; at most 100. */
  participants: { participant_id: string; verdict: FeedVerdict; detail: string }[];
  erasures: { receipt: string; erased_us: number; had_a_feed: boolean; touched_feeds: number }[];
  /** Files whose content is not what the manifest says, though nobody was erased from the generation. */
  changed_files: string[];
  /** Files that differ where somebody was: an erasure rewrites what names them. */
  rewritten_files: string[];
  /** What differs between the machine that ranked and this one; none of it should matter. */
  notes: string[];
}

/** Relation of the compiled SQL -> file that it is filled from. What ranking computes follows from these alone. */
const inputs = [
  { relation: 'int_posts__rankable', file: 'inputs/scored.parquet', place: 'lake' },
  { relation: 'int_policies__begun', file: 'inputs/begun.parquet', place: 'lake' },
  { relation: 'int_policies__in_force', file: 'inputs/policies.parquet', place: 'lake' },
  { relation: 'int_arms__policies', file: 'inputs/arms.parquet', place: 'lake' },
  { relation: 'int_participants__policies', file: 'inputs/participants.parquet', place: 'lake' },
  { relation: 'int_participants__last_feed', file: 'inputs/last_feed.parquet', place: 'lake' },
  { relation: 'int_feeds__follows', file: 'inputs/follows.parquet', place: 'private' },
  { relation: 'stg_similarity__pairs', file: 'pairs.parquet', place: 'pairs' },
] as const;

const target = 'fct_feeds';

async function readManifest(lake: Lake, generation: string): Promise<Manifest> {
  const files = generationFiles(generation);
  const bytes = await lake.read(files.manifest);
  if (bytes === null || !(await lake.exists(files.published)))
    throw replayErrors.unknown(generation, await latestPublished(lake));
  const manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as Manifest;
  if ((manifest.format as string) !== 'generation/2') throw replayErrors.older(generation, manifest.format);
  return manifest;
}

async function fileHash(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/**
 * Builds a generation again from what it stored: scored posts, policies, participants, follows, last feeds and pairs go into
 * empty tables, the SQL that ranked runs over them as it was compiled then, and what comes out is compared byte for byte and
 * feed by feed. Neither the raw lake nor the seeds or models of this checkout are read.
 * @throws FeedtrialError FT_REPLAY_UNKNOWN, FT_REPLAY_MISSING, FT_REPLAY_FORMAT
 */
export async function replay(options: ReplayOptions): Promise<ReplaySummary> {
  const { config, generation, onStep = () => undefined } = options;
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const manifest = await readManifest(lake, generation);
  const folder = generationFolder(generation);
  const { erased } = await readErased(lake, folder);
  const summary: ReplaySummary = {
    generation,
    verified: false,
    identical_bytes: false,
    how: 'rebuilt',
    feeds: { identical: 0, erased: 0, checked_in_part: 0, different: 0 },
    participants: [],
    erasures: erased.map(({ receipt_id, erased_us, feed_sha256, touched }) => ({
      receipt: receipt_id,
      erased_us,
      had_a_feed: feed_sha256 !== null,
      touched_feeds: touched.length,
    })),
    changed_files: [],
    rewritten_files: [],
    notes: [],
  };
  const compacted = await lake.exists(`${folder}/compacted.json`);

  onStep('checks what is stored');
  const missing: string[] = [];
  const check = async (home: Lake, file: string, name: string, facts: FileFacts): Promise<void> => {
    const content = await home.read(file);
    if (content === null) missing.push(name);
    else if (hash('sha256', content) !== facts.sha256)
      (erased.length > 0 ? summary.rewritten_files : summary.changed_files).push(name);
  };
  const feeds = await findFeeds(lake, generation);
  for (const [name, facts] of Object.entries(manifest.files))
    await check(
      lake,
      path.posix.basename(name) === 'feeds.parquet' && feeds !== null ? feeds : `${folder}/${name}`,
      name,
      facts,
    );
  for (const [name, facts] of Object.entries(manifest.private_files)) {
    const home = name === 'pairs.parquet' ? pairsFolder(generation) : folder;
    await check(privateLake, `${home}/${name}`, name, facts);
  }

  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    if (compacted) {
      summary.how = 'compacted';
      summary.notes.push(
        'what the generation was made of was compacted away: only stored feeds were compared with their hashes',
      );
      const stored = await hashesOf(engine, await storedFeeds(lake, generation));
      judge(summary, manifest, erased, stored, (participant) =>
        isTouched(erased, participant) ? null : 'its rows are not those that were published',
      );
    } else {
      if (missing.length > 0) throw replayErrors.missing(generation, missing);
      await rebuild({ engine, lake, privateLake, manifest, erased, summary, options, onStep });
    }
  } finally {
    await engine.close();
  }
  summary.verified = summary.feeds.different === 0 && summary.changed_files.length === 0;
  return summary;
}

async function storedFeeds(lake: Lake, generation: string): Promise<string> {
  const file = await findFeeds(lake, generation);
  if (file === null) throw replayErrors.missing(generation, [feedsFile]);
  return `read_parquet(${sqlText(lake.uri(file))}, hive_partitioning = false)`;
}

async function hashesOf(engine: Engine, feeds: string): Promise<Map<string, string>> {
  const rows = await engine.rows<{ participant_id: string; feed_hash: string }>(feedHashes(feeds));
  return new Map(rows.map((row) => [row.participant_id, row.feed_hash]));
}

type Erased = ErasedFromGeneration['erased'];

const positionsGone = (erased: Erased, participant: string): number =>
  erased
    .flatMap(({ touched }) => touched)
    .filter(({ participant_id }) => participant_id === participant)
    .reduce((total, { positions }) => total + positions.length, 0);

const isTouched = (erased: Erased, participant: string): boolean => positionsGone(erased, participant) > 0;

/** Puts a verdict on every feed of the manifest. `different` says what is wrong with one, null where what is left of it is right. */
function judge(
  summary: ReplaySummary,
  manifest: Manifest,
  erased: Erased,
  found: ReadonlyMap<string, string>,
  different: (participant: string) => string | null,
): void {
  const note = (participant_id: string, verdict: FeedVerdict, detail: string): void => {
    summary.feeds[verdict]++;
    if (verdict !== 'identical' && summary.participants.length < 100)
      summary.participants.push({ participant_id, verdict, detail });
  };
  for (const { receipt_id, feed_sha256 } of erased)
    if (feed_sha256 !== null)
      note('(erased)', 'erased', `receipt ${receipt_id}; its hash was ${feed_sha256}`);
  for (const [participant, expected] of Object.entries(manifest.participants)) {
    if (found.get(participant) === expected) {
      note(participant, 'identical', '');
      continue;
    }
    const wrong = different(participant);
    const positions = positionsGone(erased, participant);
    if (wrong === null && erased.length > 0)
      note(
        participant,
        'checked_in_part',
        positions > 0 ? `${positions} positions were erased` : 'a post that it could have held was erased',
      );
    else note(participant, 'different', wrong ?? 'its hash differs');
  }
  for (const participant of found.keys())
    if (manifest.participants[participant] === undefined)
      note(participant, 'different', 'the generation was published without this feed');
}

interface RebuildOptions {
  engine: Engine;
  lake: Lake;
  privateLake: Lake;
  manifest: Manifest;
  erased: Erased;
  summary: ReplaySummary;
  options: ReplayOptions;
  onStep: (step: string) => void;
}

async function rebuild(context: RebuildOptions): Promise<void> {
  const { engine, lake, privateLake, manifest, erased, summary, options, onStep } = context;
  const { generation } = manifest;
  const folder = generationFolder(generation);
  const sqlOf = new Map<string, string>();
  for (const { path: file } of await lake.list(`${folder}/inputs/sql`)) {
    const content = await lake.read(file);
    if (content !== null) sqlOf.set(path.basename(file, '.sql'), Buffer.from(content).toString('utf8'));
  }
  await engine.run('SET preserve_insertion_order = true');
  const relation = await attachWarehouse(engine, sqlOf.get(target) ?? '');

  onStep('fills the tables that ranking began from');
  for (const { relation: name, file, place } of inputs) {
    const home = place === 'lake' ? lake : privateLake;
    const at = `${place === 'pairs' ? pairsFolder(generation) : folder}/${file}`;
    const rows =
      place === 'pairs' && !(await home.exists(at))
        ? `(SELECT ${tables.pairs.columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name}"`).join(', ')} WHERE false)`
        : `read_parquet(${sqlText(home.uri(at))}, hive_partitioning = false)`;
    await engine.run(`CREATE TABLE ${relation(name)} AS SELECT * FROM ${rows}`);
  }
  const order = inOrder(sqlOf, target, new Set(inputs.map((one) => one.relation)));
  for (const [i, model] of order.entries()) {
    onStep(`${i + 1} of ${order.length}: ${model}`);
    await buildCompiled(engine, relation, model, sqlOf.get(model) ?? '');
  }

  onStep('compares');
  const local = path.join(engine.scratch, 'feeds.parquet');
  const feeds = relation(target);
  await engine.run(
    `COPY (SELECT ${typedColumns(tables.feeds)} FROM ${feeds} ORDER BY ${manifest.copy.order_by}) TO ${sqlText(local)} (${manifest.copy.options})`,
  );
  const serving = await encodeFeeds(engine, feeds, generation);
  summary.identical_bytes =
    (await fileHash(local)) === (manifest.files[feedsFile] ?? manifest.files['feeds.parquet'])?.sha256 &&
    hash('sha256', serving.bytes) === manifest.files['serving.arrow']?.sha256;
  const wrongOf =
    erased === null ? new Map<string, string>() : await whatIsLeft(engine, lake, generation, feeds);
  judge(summary, manifest, erased, await hashesOf(engine, feeds), (participant) =>
    erased === null ? 'the rebuilt feed differs from the published one' : (wrongOf.get(participant) ?? null),
  );
  const [{ duckdb = '' } = {}] = await engine.rows<{ duckdb: string }>('SELECT version() AS duckdb');
  if (duckdb !== manifest.engine.duckdb)
    summary.notes.push(
      `ranked by DuckDB ${manifest.engine.duckdb}, replayed by ${duckdb}: files may differ where feeds don't`,
    );
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    await copyFile(local, path.join(options.out, 'feeds.parquet'));
    await openLake(path.resolve(options.out)).write('serving.arrow', serving.bytes);
  }
}

/**
 * For feeds that an erasure touched: the rows that are stored must have the scores that the stored inputs give, and stand in
 * their order. (Which posts came in where others are gone can't be told: those would have stood elsewhere.)
 * @returns participant -> what is wrong
 */
async function whatIsLeft(
  engine: Engine,
  lake: Lake,
  generation: string,
  rebuilt: string,
): Promise<Map<string, string>> {
  const rows = await engine.rows<{ participant_id: string; wrong: string }>(`
    WITH stored AS (SELECT * FROM ${await storedFeeds(lake, generation)}),
    ordered AS (
      SELECT *, lag(score) OVER w AS score_before FROM stored
      WHERE credited_policy IS NULL AND propensity IS NOT NULL
      WINDOW w AS (PARTITION BY participant_id, is_in_network ORDER BY position_before_shuffle)
    ),
    wrong AS (
      SELECT participant_id, 'position ' || position || ' stands above one that it should stand below' AS wrong
      FROM ordered WHERE score > score_before
      UNION ALL
      SELECT stored.participant_id, 'position ' || stored.position || ' has another score than its inputs give'
      FROM stored JOIN ${rebuilt} AS rebuilt USING (participant_id, uri)
      -- in an interleaved feed a post that another team picks now has that team's score
      WHERE stored.credited_policy IS NOT DISTINCT FROM rebuilt.credited_policy AND (stored.score <> rebuilt.score OR stored.like_score IS DISTINCT FROM rebuilt.like_score
        OR stored.freshness_score IS DISTINCT FROM rebuilt.freshness_score
        OR stored.treatment_multiplier IS DISTINCT FROM rebuilt.treatment_multiplier)
    )
    SELECT participant_id, min(wrong) AS wrong FROM wrong GROUP BY participant_id`);
  return new Map(rows.map((row) => [row.participant_id, row.wrong]));
}
