// Fills the tables that ranking begins from with generated rows, then runs the compiled models of ranking over them, writes
// feeds.parquet and encodes serving.arrow. What is measured is from the first model to the last byte.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openEngine, parquetOptions, sqlText } from '../../lake/index.ts';
import { projectRoot } from '../../ops/config/config.ts';
import { attachWarehouse, buildCompiled, inOrder } from '../../ops/cycle/compiled.ts';
import { encodeFeeds } from '../../ops/cycle/publish.ts';
import { loadSeed } from '../../ops/simulate/inputs.ts';
import type { Measured, RankingSettings } from './messages.ts';
import { memoryOf } from '../memory-of.ts';

const settings = JSON.parse(process.argv[2] ?? '') as RankingSettings;
const { participants, posts, policies } = settings;
const authors = Math.ceil(posts / 10);
const sqlOf = new Map(
  Object.entries(settings.compiled).map(([model, file]) => [model, readFileSync(file, 'utf8')]),
);
const engine = await openEngine({ memoryLimit: settings.memoryLimit, threads: 2 });
const relation = await attachWarehouse(engine, sqlOf.get('fct_feeds') ?? '');
const create = (name: string, query: string): Promise<void> =>
  engine.run(`CREATE TABLE ${relation(name)} AS ${query}`);

// a draw from 0 to 1 that depends on what it is about alone
await engine.run(`CREATE MACRO draw(what, i) AS (hash(what, i) % 1000000) / 1000000.0`);
const nowUs = Date.UTC(2026, 6, 4, 15) * 1000;
await create('stg_cycle__clock', `SELECT ${nowUs}::BIGINT AS as_of_us`);
for (const seed of ['arms', 'ranking_policies']) await loadSeed(engine, projectRoot, seed, relation);
await engine.run(`DELETE FROM ${relation('arms')}`);
for (const policy of policies)
  await engine.run(
    `INSERT INTO ${relation('arms')} (arm, policy, weight, status) VALUES (${sqlText(policy)}, ${sqlText(policy)}, 1, 'open')`,
  );
// authors are as unequal as on the network: half of the posts are by a tenth of them
await create(
  'int_posts__rankable',
  `SELECT 'at://did:plc:' || lpad(author::VARCHAR, 24, 'a') || '/app.bsky.feed.post/3k' || lpad(i::VARCHAR, 11, '2') AS uri,
     'bafyrei' || md5(i::VARCHAR) AS cid, 'did:plc:' || lpad(author::VARCHAR, 24, 'a') AS author_did,
     CASE WHEN draw('covered', i) < 0.9 THEN floor(exp(draw('likes', i) * draw('likes2', i) * 8) - 1)::BIGINT END AS likes,
     CASE WHEN draw('embedded', i) < 0.5 THEN draw('similarity', i) END AS similarity,
     48 * draw('age', i) AS age_hours, draw('toxic', i) * 0.3 AS toxic, draw('constructive', i) * 0.4 AS constructive,
     draw('political', i) AS sociopolitical, draw('super', author) < 0.02 AS is_superposter,
     (${nowUs} - 48 * draw('age', i) * 3600e6)::BIGINT AS event_us
   FROM (SELECT i, floor(${authors} * pow(draw('author', i), 3))::BIGINT AS author FROM range(${posts}) AS t(i))`,
);
await create(
  'stg_study__participants',
  `SELECT 'p_' || substr(md5(i::VARCHAR), 1, 24) AS participant_id, ['${policies.join("', '")}'][1 + i % ${policies.length}] AS arm, 'active' AS status
   FROM range(${participants}) AS t(i)`,
);
await create(
  'int_feeds__follows',
  `SELECT DISTINCT participant_id, 'did:plc:' || lpad(floor(${authors} * pow(draw(participant_id, n), 2))::BIGINT::VARCHAR, 24, 'a') AS author_did
   FROM ${relation('stg_study__participants')}, range(200) AS t(n)`,
);
await create(
  'int_participants__last_feed',
  `SELECT DISTINCT participant_id, uri FROM (
     SELECT participant_id, floor(${posts} * draw(participant_id || 'last', n))::BIGINT AS i FROM ${relation('stg_study__participants')}, range(100) AS t(n)
   ) JOIN (SELECT uri, (row_number() OVER (ORDER BY uri)) - 1 AS i FROM ${relation('int_posts__rankable')}) USING (i)`,
);
await create(
  'stg_similarity__participants',
  `SELECT participant_id, uri, round(0.4 + 0.5 * draw(participant_id || 'near', i), 6) AS similarity_personal FROM (
     SELECT participant_id, floor(${posts} * draw(participant_id || 'nearest', n))::BIGINT AS i FROM ${relation('stg_study__participants')}, range(200) AS t(n)
   ) JOIN (SELECT uri, (row_number() OVER (ORDER BY uri)) - 1 AS i FROM ${relation('int_posts__rankable')}) USING (i)`,
);

const given = new Set([
  'stg_cycle__clock',
  'stg_study__participants',
  'arms',
  'ranking_policies',
  'int_posts__rankable',
  'int_participants__last_feed',
  'int_feeds__follows',
  'stg_similarity__participants',
  'stg_similarity__pairs',
]);
const slowest: Record<string, number> = {};
const cpu = process.cpuUsage();
const started = performance.now();
const runAll = async (target: string, done: ReadonlySet<string>): Promise<void> => {
  for (const model of inOrder(sqlOf, target, new Set([...given, ...done]))) {
    const before = process.cpuUsage();
    await buildCompiled(engine, relation, model, sqlOf.get(model) ?? '');
    const used = process.cpuUsage(before);
    slowest[model] = (used.user + used.system) / 1e6;
  }
};
// the similarity stage's part is measured by itself: here the pairs' numbers are drawn
await runAll('int_feeds__pairs', new Set());
const asked = process.cpuUsage(cpu);
const askedMs = performance.now();
await create(
  'stg_similarity__pairs',
  `SELECT participant_id, policy, policy_version, uri, is_in_network, candidate_source, round(draw(participant_id, uri), 6) AS similarity_personal,
     round(base_score / 12, 9) AS diversity_score FROM ${relation('int_feeds__pairs')}`,
);
const drawn = process.cpuUsage(cpu);
const drawnMs = performance.now() - askedMs;
await runAll('fct_feeds', new Set(Object.keys(slowest)));
await engine.run(
  `COPY (SELECT * EXCLUDE (generation) FROM ${relation('fct_feeds')} ORDER BY participant_id, position) TO ${sqlText(path.join(settings.folder, `feeds-${process.pid}.parquet`))} (${parquetOptions})`,
);
await encodeFeeds(engine, relation('fct_feeds'), 'bench');
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - started - drawnMs) / 1000;
const [{ n = 0 } = {}] = await engine.rows<{ n: number }>(
  `SELECT count(*)::DOUBLE AS n FROM ${relation('fct_feeds')}`,
);
const measured: Measured = {
  seconds,
  cpuSeconds: (used.user + used.system - (drawn.user + drawn.system - asked.user - asked.system)) / 1e6,
  peakRssMb: memoryOf().peakMb,
  rows: n,
  slowest: Object.fromEntries(
    Object.entries(slowest)
      .sort(([, a], [, b]) => b - a)
      .slice(0, process.env.FT_ALL ? 99 : 6),
  ),
};
await engine.close();
process.send?.(measured, () => process.exit(0));
