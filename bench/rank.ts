import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureTables, openEngine, openLake, sqlText } from '../lake/index.ts';
import { loadConfig } from '../ops/config/index.ts';
import { openDbt } from '../ops/dbt/index.ts';
import type { Measured, RankingSettings, SimilaritySettings } from './ranking/messages.ts';
import { printTable } from './table.ts';

export const claim =
  '2,000 participants x 200,000 posts x 3 arms, all of them in each, in at most 30 CPU-seconds and 3 GB; similarity exact in at most 8';

/** Runs one side in a process of its own. */
function measure(side: string, settings: RankingSettings | SimilaritySettings): Promise<Measured> {
  const child = fork(path.join(import.meta.dirname, 'ranking', side), [JSON.stringify(settings)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, FEEDTRIAL_LOG_LEVEL: 'error' },
  });
  return new Promise((resolve, reject) => {
    child.once('message', (measured) => {
      resolve(measured as Measured);
    });
    child.once('exit', (code) => {
      reject(new Error(`${side} ended with ${code}`));
    });
  });
}

const row = (what: string, goal: string, { rows, seconds, cpuSeconds, peakRssMb }: Measured) => ({
  what,
  goal,
  rows,
  'wall s': seconds,
  'CPU s': cpuSeconds,
  'peak RSS MB': Math.round(peakRssMb),
});

const width = 384;

/** Embeddings, what is compared and what was liked, as transform and the embeddings labeler leave them. */
async function fillLake(folder: string, participants: number, posts: number): Promise<void> {
  const lake = openLake(path.join(folder, 'lake'));
  const privateLake = openLake(path.join(folder, 'private'));
  const engine = await openEngine({ memoryLimit: '3GB' });
  try {
    await ensureTables(lake, privateLake, engine);
    for (const [home, at] of [
      [lake, 'labels/embeddings/dt=2026-07-04'],
      [lake, 'queue/publish=bench'],
      [privateLake, 'queue/publish=bench'],
    ] as const)
      mkdirSync(home.uri(at), { recursive: true });
    const uri = (i: string): string =>
      `'at://did:plc:' || lpad(${i}::VARCHAR, 24, 'a') || '/app.bsky.feed.post/3k'`;
    // Numbers of a hash less a half, at unit length: as far apart as 384 dimensions make any two, the worst case for a cut.
    await engine.run(`COPY (
      SELECT ${uri('i')} AS uri, 'cid' AS cid, 'embeddings' AS labeler, 'v' AS version,
        list_transform(numbers, lambda x: (x / length)::FLOAT) AS embedding, 'run' AS run_id, 1::BIGINT AS labelled_at
      FROM (SELECT i, numbers, sqrt(list_inner_product(numbers, numbers)) AS length FROM (
        SELECT i, list_transform(range(${width}), lambda j: (hash(i * ${width} + j) % 65536) / 65536.0::DOUBLE - 0.5) AS numbers FROM range(${posts}) AS t(i)))
    ) TO ${sqlText(lake.uri('labels/embeddings/dt=2026-07-04/bench.parquet'))} (FORMAT parquet)`);
    await engine.run(`COPY (SELECT ${uri('i')} AS uri, 'cid' AS cid, 'v' AS embedding_version, i % 20 = 0 AS is_popular FROM range(${posts}) AS t(i) ORDER BY uri)
      TO ${sqlText(lake.uri('queue/publish=bench/similarity_posts.parquet'))} (FORMAT parquet)`);
    await engine.run(`COPY (SELECT 'p_' || substr(md5(p::VARCHAR), 1, 24) AS participant_id, ${uri(`(hash(p, n) % ${posts})`)} AS uri, 0.5::DOUBLE AS weight
      FROM range(${participants}) AS t(p), range(50) AS u(n)) TO ${sqlText(privateLake.uri('queue/publish=bench/similarity_likes.parquet'))} (FORMAT parquet)`);
    writeFileSync(lake.uri('queue/current.json'), '{"publish_id": "bench"}');
    for (const [sortKey, pairs] of [
      ['personal', 660],
      ['diversity', 300],
    ] as const) {
      const at = `feeds/generation=${sortKey}/inputs`;
      mkdirSync(privateLake.uri(at), { recursive: true });
      // a third of the candidates is everybody's, the rest is each one's own
      await engine.run(`COPY (SELECT DISTINCT ON (participant_id, uri) 'p_' || substr(md5(p::VARCHAR), 1, 24) AS participant_id, 'bench' AS policy, '1' AS policy_version,
          ${uri(`(CASE WHEN n % 3 = 0 THEN n ELSE hash(p, n, 1) % ${posts} END)`)} AS uri, ${sqlText(sortKey)} AS sort_key, 0.3 AS diversity_share,
          (hash(n) % 1000) / 100.0 AS base_score, false AS is_in_network, 'popular' AS candidate_source
        FROM range(${participants}) AS t(p), range(${pairs}) AS u(n)) TO ${sqlText(privateLake.uri(`${at}/asked_pairs.parquet`))} (FORMAT parquet)`);
    }
  } finally {
    await engine.close();
  }
}

async function compile(folder: string, batch: number): Promise<Record<string, string>> {
  const config = loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
      FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse/feedtrial.duckdb'),
    },
    folder,
  );
  mkdirSync(path.dirname(config.warehouse), { recursive: true });
  const dbt = await openDbt(config);
  try {
    const { nodes } = await dbt.run({
      command: 'compile',
      select: ['path:models/rank'],
      parameters: { generation: 'bench', random_seed: 'bench', participants_per_batch: batch },
    });
    return Object.fromEntries(
      nodes.flatMap(({ name, resource_type: kind, compiled_path: file }) =>
        kind === 'model' && file !== null ? [[name, file]] : [],
      ),
    );
  } finally {
    await dbt.close();
  }
}

const studyArms = ['reverse_chronological', 'engagement', 'treatment'];

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      participants: { type: 'string', default: '2000' },
      posts: { type: 'string', default: '200000' },
      many: { type: 'string', default: '2000,10000,20000' },
      batch: { type: 'string', default: '2000' },
      memory: { type: 'string', default: '2GB' },
      only: { type: 'string', default: 'arms,personal,diversified,interleaved,many,similarity' },
    },
  });
  const only = new Set(values.only.split(','));
  const participants = Number(values.participants);
  const posts = Number(values.posts);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  const rows: ReturnType<typeof row>[] = [];
  const slow: Record<string, string | number>[] = [];
  try {
    const compiled = await compile(folder, Number(values.batch));
    const rank = async (
      what: string,
      goal: string,
      policies: string[],
      people = participants,
    ): Promise<void> => {
      const measured = await measure('sql.ts', {
        folder,
        participants: people,
        posts,
        policies,
        memoryLimit: values.memory,
        compiled,
      });
      rows.push(row(what, goal, measured));
      slow.push({
        what,
        'CPU s by model': Object.entries(measured.slowest ?? {})
          .map(([model, seconds]) => `${model} ${seconds.toFixed(1)}`)
          .join(', '),
      });
    };
    const size = `${participants} x ${posts}`;
    if (only.has('arms')) await rank(`${size}, the study's three arms`, '30 CPU-s, 3 GB', studyArms);
    if (only.has('personal'))
      await rank(`${size}, with engagement_personal`, '20 CPU-s more', [...studyArms, 'engagement_personal']);
    if (only.has('diversified'))
      await rank(`${size}, with diversified`, '20 CPU-s more', [...studyArms, 'diversified']);
    if (only.has('interleaved'))
      await rank(`${size}, with interleaved`, '20 CPU-s more', [...studyArms, 'interleaved']);
    if (only.has('many'))
      for (const people of values.many.split(',').map(Number))
        await rank(
          `${people} x ${posts}, the study's three arms, ${values.batch} a batch`,
          'linear, 4 GB',
          studyArms,
          people,
        );
    if (only.has('similarity')) {
      await fillLake(folder, participants, posts);
      const shared = { folder, participants, posts, memoryLimit: values.memory };
      rows.push(
        row(
          `similarity ${size} x ${width}`,
          '8 CPU-s, exact',
          await measure('similarity.ts', { ...shared, pairs: 'none' }),
        ),
        row(
          'pairs of engagement_personal',
          '',
          await measure('similarity.ts', { ...shared, pairs: 'personal' }),
        ),
        row('pairs of diversified', '', await measure('similarity.ts', { ...shared, pairs: 'diversity' })),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log('');
  printTable(rows);
  if (slow.length > 0) {
    console.log('');
    printTable(slow);
  }
}
