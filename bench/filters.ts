import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { ensureTables, openEngine, openLake, sqlText } from '../lake/index.ts';
import { generateScale } from '../lake/generate/index.ts';
import { loadConfig } from '../ops/config/index.ts';
import { projectRoot } from '../ops/config/config.ts';
import { openDbt } from '../ops/dbt/index.ts';
import { printTable } from './table.ts';

export const claim =
  'the filters of preprocess, as dbt compiled them, in 5 CPU-s a million posts, half the CPU and half the memory of pandas 3 on pyarrow strings; the excludelist in 0.3 CPU-s';

interface Filtered {
  counts: Record<string, number>;
  cpu_seconds: number;
  peak_mb: number;
  version: string;
}

/** A Python environment of the bench's own for the other side. */
async function pandasPython(): Promise<string> {
  const home = path.join(os.tmpdir(), 'feedtrial-bench-pandas');
  const python = path.join(home, 'bin/python');
  const requirements = path.join(import.meta.dirname, 'filters/requirements.txt');
  if (!existsSync(python)) await execa('python3', ['-m', 'venv', home]);
  await execa(python, [
    '-m',
    'pip',
    'install',
    '-q',
    '--disable-pip-version-check',
    '--no-deps',
    '-r',
    requirements,
  ]);
  return python;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      posts: { type: 'string', default: '1000000' },
      excluded: { type: 'string', default: '2600' },
      days: { type: 'string', default: '3' },
      times: { type: 'string', default: '3' },
    },
  });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  const config = loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
      FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse', 'bench.duckdb'),
      FEEDTRIAL_STUDY_DB: path.join(folder, 'study.sqlite'),
      FEEDTRIAL_LABEL_PROFILE: 'demo',
      FEEDTRIAL_LOG_LEVEL: 'error',
    },
    projectRoot,
  );
  const engine = await openEngine({ memoryLimit: '3GB' });
  const dbt = await openDbt(config);
  try {
    const lake = openLake(config.lake);
    await ensureTables(lake, openLake(config.privateLake), engine);
    const versions = readFileSync(path.join(projectRoot, 'seeds/labelers.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    const labelVersions = Object.fromEntries(
      versions.map((line) => line.split(',').slice(0, 2) as [string, string]),
    );
    const world = await generateScale({
      lake,
      engine,
      posts: Number(values.posts),
      days: Number(values.days),
      likesPerPost: 1,
      followsPerAuthor: 1,
      labelVersions,
    });
    await dbt.run({ command: 'seed' });
    const { nodes } = await dbt.run({
      command: 'run',
      select: ['+int_posts__filtered'],
      parameters: { as_of_us: world.endUs, label_profile: 'demo' },
    });
    await dbt.close();

    // what the filters read, as files that both sides read
    await engine.run(`ATTACH ${sqlText(config.warehouse)} AS bench (READ_ONLY); USE bench`);
    const file = (name: string): string => sqlText(path.join(folder, `${name}.parquet`));
    const options = '(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)';
    await engine.run(`COPY (SELECT uri, cid, did, rkey, text, external_link, link_facets, tag_facets, outer_tags, mention_facets, self_labels,
      coalesce(len(link_facets), 0) AS links, coalesce(len(tag_facets), 0) + coalesce(len(outer_tags), 0) AS tags,
      coalesce(len(mention_facets), 0) AS mentions, coalesce(list_has_any(self_labels, ['porn', 'sexual', 'nudity']), false) AS is_nsfw,
      reply_root_uri, reply_parent_uri, quoted_uri, is_reply, is_quote, is_deleted, is_live, event_us, deleted_us, known_us
      FROM stg_bluesky__posts) TO ${file('posts')} ${options}`);
    await engine.run(`COPY (SELECT * FROM int_posts__language) TO ${file('language')} ${options}`);
    await engine.run(`COPY (
      SELECT did, false AS is_inactive, true AS is_excludelisted, false AS is_nsfw, false AS is_moderated
      FROM (SELECT DISTINCT did FROM stg_bluesky__posts ORDER BY md5(did) LIMIT ${Number(values.excluded)})) TO ${file('authors')} ${options}`);
    const seed = async <T>(name: string): Promise<T[]> => engine.rows<T>(`SELECT * FROM ${name}`);
    const numbers = Object.fromEntries(
      (await seed<{ name: string; value: number }>('filter_parameters')).map((row) => [
        row.name,
        Number(row.value),
      ]),
    );
    const terms = await seed<{ term: string; weight: number }>('spam_terms');
    writeFileSync(
      path.join(folder, 'parameters.json'),
      JSON.stringify({
        ...numbers,
        as_of_us: world.endUs,
        oldest_us: world.endUs - (numbers.max_age_hours ?? 72) * 3_600e6,
        duplicate_window_us: (numbers.duplicate_window_hours ?? 72) * 3_600e6,
        spam_terms: Object.fromEntries(terms.map((row) => [row.term, Number(row.weight)])),
      }),
    );
    const compiled = (name: string): string => {
      const node = nodes.find((one) => one.name === name);
      return readFileSync(node?.compiled_path ?? '', 'utf8').replaceAll('"bench"."main".', '');
    };
    const copies = [
      'filter_parameters',
      'spam_terms',
      'excluded_labels',
      'stg_cycle__clock',
      'int_posts__moderated',
    ];
    for (const name of copies) await engine.run(`COPY (SELECT * FROM ${name}) TO ${file(name)} ${options}`);
    writeFileSync(
      path.join(folder, 'statements.json'),
      JSON.stringify([
        ...copies.map((name) => `CREATE TABLE ${name} AS FROM ${file(name)}`),
        `CREATE VIEW stg_bluesky__posts AS FROM ${file('posts')}`,
        `CREATE VIEW int_posts__language AS FROM ${file('language')}`,
        `CREATE TABLE int_authors__excluded AS SELECT did, 'excludelist' AS reason FROM ${file('authors')}`,
        // the model's pre-hook
        `SET VARIABLE terms = (SELECT string_agg(regexp_escape(term), '|') FROM spam_terms)`,
        `CREATE TABLE int_posts__standardised AS ${compiled('int_posts__standardised')}`,
        `CREATE TABLE int_posts__repeated AS ${compiled('int_posts__repeated')}`,
        `CREATE VIEW int_posts__filtered AS ${compiled('int_posts__filtered')}`,
      ]),
    );
    const measure = async (python: string, script: string, more: string[] = []): Promise<Filtered> =>
      JSON.parse(
        (await execa(python, [path.join(import.meta.dirname, 'filters', script), folder, ...more])).stdout,
      ) as Filtered;
    const ours = path.join(projectRoot, '.venv/bin/python');
    const theirs = await pandasPython();
    // the least of several runs: what differs between them is the machine
    const least = async (...arguments_: Parameters<typeof measure>): Promise<Filtered> => {
      let best: Filtered | null = null;
      for (let time = 0; time < Number(values.times); time++) {
        const one = await measure(...arguments_);
        if (best === null || one.cpu_seconds < best.cpu_seconds) best = one;
      }
      return best as Filtered;
    };
    const sql = await least(ours, 'duckdb_filters.py');
    const noList = await least(ours, 'duckdb_filters.py', ['excludelist']);
    const pandas = await least(theirs, 'pandas_filters.py');
    const million = Number(values.posts) / 1e6;
    const row = (what: string, one: Filtered) => ({
      what,
      version: one.version,
      'CPU s a million': one.cpu_seconds / million,
      'peak RSS MB': Math.round(one.peak_mb),
      eligible: one.counts.eligible ?? 0,
    });
    printTable([row('the models', sql), row('the models, empty excludelist', noList), row('pandas', pandas)]);
    console.log(
      `\npandas / models: CPU ${(pandas.cpu_seconds / sql.cpu_seconds).toFixed(1)}x, memory ${(pandas.peak_mb / sql.peak_mb).toFixed(1)}x; ` +
        `excludelist of ${values.excluded}: ${((sql.cpu_seconds - noList.cpu_seconds) / million).toFixed(2)} CPU-s a million posts`,
    );
    // post by post, all reasons in their order
    const [compared] = await engine.rows<{ posts: bigint; different: bigint }>(`
      SELECT count(*) AS posts, count(*) FILTER (ours.uri IS NULL OR theirs.uri IS NULL
        OR ours.first_reason <> theirs.first_reason OR ours.reasons <> theirs.reasons) AS different
      FROM ${file('models')} AS ours FULL JOIN ${file('pandas')} AS theirs USING (uri)`);
    console.log(`${compared?.posts ?? 0} posts compared: ${compared?.different ?? '?'} differ in any reason`);
    if (compared?.different !== 0n) process.exitCode = 1;
  } finally {
    await dbt.close();
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
