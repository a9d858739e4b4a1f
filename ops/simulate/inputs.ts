import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { generationFolder, pairsFolder, readCurrentGeneration } from '../../lake/feeds/index.ts';
import { openLake, sqlText, tables, type Engine } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { simulateErrors } from './errors.ts';

/** What is ranked: a stored generation's window, or posts of a file with readers that are made up. */
export interface SimulatedInputs {
  /** Where the posts are from, in words. */
  from: string;
  asOfUs: number;
}

const none = (columns: string): string => `(SELECT ${columns} WHERE false)`;

/** Posts, readers, follows and last feeds of a generation, as it stored them. */
export async function fillFromGeneration(
  engine: Engine,
  config: Config,
  relation: (name: string) => string,
  named: string | undefined,
): Promise<SimulatedInputs> {
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const generation = named ?? (await readCurrentGeneration(lake))?.generation;
  if (generation === undefined) throw simulateErrors.noGeneration();
  const folder = generationFolder(generation);
  const manifest = await lake.read(`${folder}/manifest.json`);
  if (manifest === null) throw simulateErrors.notStored(generation, 'manifest.json');
  const { as_of_us: asOfUs } = JSON.parse(Buffer.from(manifest).toString('utf8')) as { as_of_us: number };
  const parquet = async (home: typeof lake, file: string): Promise<string> => {
    if (!(await home.exists(file))) throw simulateErrors.notStored(generation, path.posix.basename(file));
    return `read_parquet(${sqlText(home.uri(file))}, hive_partitioning = false)`;
  };
  const create = (name: string, rows: string): Promise<void> =>
    engine.run(`CREATE TABLE ${relation(name)} AS SELECT * FROM ${rows}`);
  await create('int_posts__rankable', await parquet(lake, `${folder}/inputs/scored.parquet`));
  await create('int_participants__last_feed', await parquet(lake, `${folder}/inputs/last_feed.parquet`));
  await create('int_feeds__follows', await parquet(privateLake, `${folder}/inputs/follows.parquet`));
  const pairs = `${pairsFolder(generation)}/pairs.parquet`;
  const noPairs = tables.pairs.columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name}"`).join(', ');
  await create(
    'stg_similarity__pairs',
    (await privateLake.exists(pairs)) ? await parquet(privateLake, pairs) : none(noPairs),
  );
  await engine.run(
    `CREATE TABLE ${relation('stg_study__participants')} AS SELECT participant_id, arm, 'active' AS status
     FROM ${await parquet(lake, `${folder}/inputs/participants.parquet`)} WHERE participant_id <> '_default'`,
  );
  return { from: `generation ${generation}`, asOfUs };
}

/**
 * Posts of a CSV, each author's share of the readers drawn by md5, so that the same file gives the same report. An hour passes
 * between the last post and the ranking.
 * @throws FeedtrialError FT_SIMULATE_POSTS
 */
export async function fillFromPosts(
  engine: Engine,
  relation: (name: string) => string,
  options: { posts: string; readers: number; followShare: number },
): Promise<SimulatedInputs> {
  const { posts, readers, followShare } = options;
  if (!existsSync(posts)) throw simulateErrors.posts(posts, 'there is no such file');
  try {
    await engine.run(
      `CREATE TABLE given AS SELECT * FROM read_csv(${sqlText(posts)}, header = true, all_varchar = true)`,
    );
    const columns = new Set(
      (await engine.rows<{ column_name: string }>('DESCRIBE given')).map((column) => column.column_name),
    );
    for (const needed of ['uri', 'created_at'])
      if (!columns.has(needed))
        throw new Error(`it has no column ${needed}; it has ${[...columns].join(', ')}`);
    const numeric = (name: string, type: string): string =>
      columns.has(name) ? `TRY_CAST(${name} AS ${type})` : `CAST(NULL AS ${type})`;
    await engine.run(`
      CREATE TABLE ${relation('int_posts__rankable')} AS
      WITH typed AS (
        SELECT uri, 'cid' AS cid, split_part(uri, '/', 3) AS author_did, epoch_us(CAST(created_at AS TIMESTAMPTZ)) AS event_us,
          ${numeric('num_likes', 'BIGINT')} AS likes, ${numeric('prob_toxic', 'DOUBLE')} AS toxic,
          ${numeric('prob_constructive', 'DOUBLE')} AS constructive, ${numeric('human_civic', 'DOUBLE')} AS sociopolitical
        FROM given WHERE uri IS NOT NULL AND created_at IS NOT NULL
      ),
      last AS (SELECT max(event_us) + 3600000000 AS as_of_us FROM typed),
      counted AS (SELECT *, count(*) OVER (PARTITION BY author_did, event_us // 86400000000) >= 5 AS is_often FROM typed)
      -- in a sample nobody may post often: that says nothing about superposters, and is not 0
      SELECT DISTINCT ON (uri) uri, cid, author_did, likes, CAST(NULL AS DOUBLE) AS similarity, (as_of_us - event_us) / 3600e6 AS age_hours,
        toxic, constructive, sociopolitical, CASE WHEN bool_or(is_often) OVER () THEN is_often END AS is_superposter, event_us
      FROM counted, last ORDER BY uri, event_us`);
  } catch (error) {
    throw simulateErrors.posts(posts, describeError(error), error);
  }
  await engine.run(`
    CREATE TABLE ${relation('stg_study__participants')} AS
    SELECT 'reader_' || lpad(i::VARCHAR, 5, '0') AS participant_id, 'simulated' AS arm, 'active' AS status FROM range(1, ${readers + 1}) AS t(i)`);
  await engine.run(`
    CREATE TABLE ${relation('int_feeds__follows')} AS
    SELECT participant_id, author_did
    FROM ${relation('stg_study__participants')}, (SELECT DISTINCT author_did FROM ${relation('int_posts__rankable')})
    WHERE ('0x' || substr(md5(participant_id || '|' || author_did), 1, 8))::BIGINT / 4294967296.0 < ${followShare}`);
  await engine.run(
    `CREATE TABLE ${relation('int_participants__last_feed')} AS SELECT NULL::VARCHAR AS participant_id, NULL::VARCHAR AS uri WHERE false`,
  );
  const noPairs = tables.pairs.columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name}"`).join(', ');
  await engine.run(`CREATE TABLE ${relation('stg_similarity__pairs')} AS SELECT * FROM ${none(noPairs)}`);
  const [{ as_of_us: asOfUs = 0 } = {}] = await engine.rows<{ as_of_us: number }>(
    `SELECT (max(event_us) + 3600000000)::DOUBLE AS as_of_us FROM ${relation('int_posts__rankable')}`,
  );
  return { from: `${path.basename(posts)} with ${readers} made-up readers`, asOfUs };
}

/** A seed as dbt loads it: the types that its .yml says. */
export async function loadSeed(
  engine: Engine,
  projectRoot: string,
  name: string,
  relation: (name: string) => string,
): Promise<void> {
  const yml = await readFile(path.join(projectRoot, 'seeds', `${name}.yml`), 'utf8');
  const types = [...yml.matchAll(/^ {8}(\w+): (varchar|bigint|double|boolean)$/gm)];
  const columns = types
    .map(([, column = '', type = 'varchar']) => `${sqlText(column)}: ${sqlText(type)}`)
    .join(', ');
  await engine.run(
    `CREATE TABLE ${relation(name)} AS SELECT * FROM read_csv(${sqlText(path.join(projectRoot, 'seeds', `${name}.csv`))}, header = true, columns = {${columns}})`,
  );
}
