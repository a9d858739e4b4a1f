import type { Engine } from '../parquet/engine.ts';
import { tables, type Table } from '../schemas/index.ts';
import type { Lake } from '../store/store.ts';
import { eventQueries } from './events.ts';
import { defaultMeans, embeddingQuery, labelQueries, readLabelMeans } from './labels.ts';
import { recordQueries } from './records.ts';
import { makeFeeds, makeParticipants, rosterQuery, studyQueries } from './study.ts';
import { cast, firstParticipant, makeWorld } from './world.ts';
import { writePartitioned, writeWhole } from './write.ts';

export interface GenerateOptions {
  lake: Lake;
  privateLake: Lake;
  engine: Engine;
  /** The same seed and sizes give the same rows. Default 'feedtrial'. */
  seed?: string;
  /** Default 2,000. */
  posts?: number;
  /** Default a tenth of the posts, at least 60. */
  authors?: number;
  /** Draws of likes; a little fewer come out. Default 5 a post. */
  likes?: number;
  /** Default half a repost a post. */
  reposts?: number;
  /** Follows of an ordinary account; participants have four times as many. Default 8. */
  followsPerAuthor?: number;
  /** Default 12: from the twentieth account on, active but for the last two. */
  participants?: number;
  study?: string;
  arms?: { arm: string; policy: string; version: string }[];
  /** Moment at which the generated world ends, microseconds UTC. Default 2026-07-04 15:00. */
  endUs?: number;
  /** How far back it goes; the first twelfth is known from backfill alone. Default 48. */
  hours?: number;
  /** Versions that labels carry, by labeler ('language', 'student_toxicity', …, 'embeddings'). Default '1' each. */
  labelVersions?: Record<string, string>;
  /** False leaves labels and embeddings out: as a lake is before its first enrichment. Default true. */
  labels?: boolean;
  /** How many posts get an embedding, from the newest back. Default 300; each costs 768 hashes. */
  embeddings?: number;
  /** CSV of daily label means to draw values with; the study's rounded means where it is not given. */
  calibration?: string;
}

export interface GeneratedLake {
  /** Rows by table name. */
  rows: Record<string, number>;
  /** DIDs of the accounts that are there to trip a rule. */
  cast: Record<keyof typeof cast, string>;
  participants: { participantId: string; did: string; arm: string; status: string }[];
  startUs: number;
  /** First moment witnessed live; what is older came by backfill. */
  liveUs: number;
  endUs: number;
}

const defaultArms = ['reverse_chronological', 'engagement', 'treatment'].map((arm) => ({
  arm,
  policy: arm,
  version: '1',
}));

/**
 * Fills a lake with every table, from a seed: authors, posts in several languages, likes with a long tail, deletes,
 * labels, participants, exposures and the rest. Rows are made by DuckDB and written as Parquet directly, so that
 * 200,000 posts with all that hangs on them (2.4 million rows) take some 30 CPU-seconds; the way through spool and landing is tested with real frames instead.
 *
 * Running it twice with the same options replaces the same files.
 */
export async function generateLake(options: GenerateOptions): Promise<GeneratedLake> {
  const { lake, privateLake, engine, seed = 'feedtrial', posts = 2_000 } = options;
  const authors = Math.max(options.authors ?? Math.ceil(posts / 10), 60);
  const participants = Math.min(options.participants ?? 12, authors - firstParticipant);
  const endUs = options.endUs ?? Date.UTC(2026, 6, 4, 15) * 1000;
  const startUs = endUs - (options.hours ?? 48) * 3_600e6;
  const liveUs = startUs + Math.floor((endUs - startUs) / 12);
  const versions = options.labelVersions ?? {};
  const world = { seed, posts, authors, startUs, endUs, liveUs };
  const study = {
    ...world,
    study: options.study ?? 'default',
    participants,
    arms: options.arms ?? defaultArms,
    versions,
  };
  const rows: Record<string, number> = {};

  const write = async (
    name: string,
    table: Table,
    query: string,
    file = `generated-${name}`,
  ): Promise<void> => {
    rows[name] = (rows[name] ?? 0) + (await writePartitioned(lake, engine, table, query, file));
  };

  await makeWorld(engine, world);
  const records = recordQueries({
    ...world,
    likes: options.likes ?? posts * 5,
    reposts: options.reposts ?? Math.ceil(posts / 2),
    followsPerAuthor: options.followsPerAuthor ?? 8,
    participants,
  });
  for (const table of records.tables) await engine.run(table);
  for (const [collection, query] of Object.entries(records.queries)) {
    await write('records', tables.records, query, `generated-${collection}`);
  }
  for (const [name, query] of Object.entries(eventQueries(world))) {
    await write(name, tables[name as keyof typeof tables], query);
  }

  if (options.labels ?? true) {
    const means = options.calibration ? await readLabelMeans(engine, options.calibration) : defaultMeans;
    const labelling = { ...world, means, versions, embeddings: options.embeddings ?? 300 };
    for (const query of Object.values(labelQueries(labelling))) await write('labels', tables.labels, query);
    await write('embeddings', tables.embeddings, embeddingQuery(labelling));
  }

  await engine.run(makeParticipants(study));
  await engine.run(makeFeeds(study));
  rows.participants = await writeWhole(
    privateLake,
    engine,
    tables.participants,
    rosterQuery,
    'participants/current.parquet',
  );
  const { queue, pairs, feeds = '', ...served } = studyQueries(study);
  rows.feeds = await writeWhole(
    lake,
    engine,
    tables.feeds,
    feeds,
    'feeds/generation=generated/positions/feeds.parquet',
  );
  rows.queue = await writeWhole(lake, engine, tables.queue, queue, 'queue/publish=generated/labels.parquet');
  for (const [name, query] of Object.entries(served))
    await write(name, tables[name as keyof typeof tables], query);
  rows.pairs = await writePartitioned(privateLake, engine, tables.pairs, pairs, 'generated-pairs');

  // a day that was compacted once: what is hidden is gone, as after its grace
  rows.hiddenFiles = await writeWhole(
    lake,
    engine,
    tables.hiddenFiles,
    `SELECT 'raw/runs/dt=1970-01-01/compacted-away.parquet' AS file, 'superseded' AS reason`,
    `${tables.hiddenFiles.folder}/current.parquet`,
  );

  const dids = await engine.rows<{ author: bigint; did: string }>(
    `SELECT author, did FROM world_authors WHERE author <= ${cast.quiet} ORDER BY author`,
  );
  const roster = await engine.rows<{ participantId: string; did: string; arm: string; status: string }>(
    'SELECT participant_id AS "participantId", did, dealt.arm AS arm, status FROM world_participants ORDER BY n',
  );
  for (const table of ['authors', 'posts', 'phrases', 'likes', 'follows', 'participants', 'feeds'])
    await engine.run(`DROP TABLE IF EXISTS world_${table}`);
  const names = Object.entries(cast).map(([name, author]) => [name, dids[author]?.did]);
  return {
    rows,
    cast: Object.fromEntries(names) as GeneratedLake['cast'],
    participants: roster,
    startUs,
    liveUs,
    endUs,
  };
}
