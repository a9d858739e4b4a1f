import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readCurrentGeneration } from '../../../lake/feeds/index.ts';
import { openEngine, openLake, readTable, sqlText, tables, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { compareGenerations } from '../../../ops/cycle/diff.ts';
import { generationFiles, type Manifest } from '../../../ops/cycle/publish.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { replay } from '../../../ops/cycle/replay.ts';
import { compactGenerations } from '../../../ops/cycle/retention.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { simulate } from '../../../ops/simulate/index.ts';
import { noteErasure } from '../../../study/erase/generation.ts';
import { eraseFromFile, searchLake } from '../../../study/erase/lake.ts';
import { amend, freeze, openStudyStore } from '../../../study/index.ts';
import { dataFile, hasData } from '../../data.ts';
import { editSeed, editedProject } from './edited-project.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from './small-lake.ts';

interface Position {
  participant_id: string;
  arm: string;
  policy_version: string;
  position: number;
  position_before_shuffle: number;
  uri: string;
  author_did: string;
  score: number;
  like_score: number;
  freshness_score: number;
  similarity_personal: number | null;
  is_in_network: boolean;
  credited_policy: string | null;
  propensity: number | null;
  counterfactual_positions: string | null;
}

let small: SmallLake;
let config: Config;
let dbt: Dbt;
let engine: Engine;
const hourUs = 3_600_000_000;

const feedsOf = (generation: string): Promise<Position[]> =>
  engine.rows<Position>(
    `SELECT * FROM read_parquet(${sqlText(path.join(config.lake, generationFiles(generation).feeds))}, hive_partitioning = false)
     ORDER BY participant_id, position`,
  );

const rankAs = (generation: string, asOfUs = small.generated.endUs) =>
  rank({ config, dbt, asOfUs, generation });

/** The roster with every participant in turn in one of these arms. */
async function dealArms(arms: string[]): Promise<void> {
  const file = path.join(config.privateLake, 'participants/current.parquet');
  const names = arms.map(sqlText).join(', ');
  await engine.run(`CREATE OR REPLACE TEMP TABLE roster AS SELECT * REPLACE
    ([${names}][1 + (row_number() OVER (ORDER BY participant_id) % ${arms.length})::INTEGER] AS arm) FROM read_parquet(${sqlText(file)})`);
  await engine.run(`COPY roster TO ${sqlText(file)} (FORMAT parquet)`);
}

const arms = ['engagement', 'treatment', 'engagement_personal', 'diversified', 'interleaved', 'holdout'];

beforeAll(async () => {
  small = await makeSmallLake();
  config = { ...small.config, projectRoot: editedProject(small.folder) };
  engine = await openEngine();
  editSeed(
    config.projectRoot,
    'arms.csv',
    (text) =>
      `${text.replace(/^reverse.*\n/m, '')}${['engagement_personal', 'diversified', 'interleaved'].map((arm) => `${arm},${arm},,1,open,,\n`).join('')}holdout,default,,1,open,,\n`,
  );
  await dealArms(arms);
  dbt = await openDbt(config);
  await buildBeforeRanking(small, dbt);
  await rankAs('one');
}, 600_000);

afterAll(async () => {
  await dbt?.close();
  await engine?.close();
  small?.remove();
});

describe('an arm whose score depends on the participant', () => {
  it('adds what the participant liked to engagement, by the exact cosine', async () => {
    const rows = (await feedsOf('one')).filter((row) => row.arm === 'engagement_personal');
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows)
      expect(row.score).toBeCloseTo(
        row.like_score + row.freshness_score + 3 * (row.similarity_personal ?? 0),
        8,
      );
    const known = rows.filter((row) => row.similarity_personal !== null);
    expect(known.length).toBeGreaterThan(0);
    const embeddings = new Map(
      (
        await engine.rows<{ uri: string; embedding: number[] }>(
          `SELECT e.uri, e.embedding::DOUBLE[] AS embedding FROM ${readTable(openLake(config.lake), tables.embeddings)} AS e
           WHERE e.cid IN (SELECT max_by(cid, labelled_at) FROM ${readTable(openLake(config.lake), tables.embeddings)} GROUP BY uri)`,
        )
      ).map((row) => [row.uri, row.embedding]),
    );
    const likes = await engine.rows<{ participant_id: string; uri: string; weight: number }>(
      `SELECT * FROM read_parquet(${sqlText(path.join(config.privateLake, 'queue/publish=small/similarity_likes.parquet'))})`,
    );
    for (const row of known) {
      const taste = likes
        .filter((like) => like.participant_id === row.participant_id)
        .flatMap(({ uri, weight }) => {
          const embedding = embeddings.get(uri);
          return embedding === undefined ? [] : [embedding.map((x) => x * weight)];
        })
        .reduce((sum, one) => sum.map((x, i) => x + (one[i] ?? 0)));
      const length = Math.hypot(...taste);
      const own = embeddings.get(row.uri) ?? [];
      expect(row.similarity_personal).toBeCloseTo(
        own.reduce((sum, x, i) => sum + (x * (taste[i] ?? 0)) / length, 0),
        4,
      );
    }
  });

  it('wants variety: what stands below is never better by what it adds', async () => {
    const rows = (await feedsOf('one')).filter((row) => row.arm === 'diversified');
    expect(rows.length).toBeGreaterThan(50);
    for (const feed of Map.groupBy(rows, (row) => row.participant_id).values())
      for (const network of [true, false]) {
        const scores = feed
          .filter((row) => row.is_in_network === network)
          .sort((a, b) => a.position_before_shuffle - b.position_before_shuffle)
          .map((row) => row.score);
        expect(scores).toEqual([...scores].sort((a, b) => b - a));
      }
  });
});

describe('an interleaved feed', () => {
  it('has no shuffle, and credits each team with about half of what they do not share', async () => {
    const rows = (await feedsOf('one')).filter((row) => row.arm === 'interleaved');
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      expect(row.propensity).toBeNull();
      expect(row.position_before_shuffle).toBe(row.position);
      expect([null, 'engagement', 'treatment']).toContain(row.credited_policy);
    }
    for (const feed of Map.groupBy(rows, (row) => row.participant_id).values()) {
      expect(new Set(feed.map((row) => row.uri)).size).toBe(feed.length);
      const prefix = feed.findIndex((row) => row.credited_policy !== null);
      const drafted = prefix < 0 ? [] : feed.slice(prefix);
      expect(drafted.every((row) => row.credited_policy !== null)).toBe(true);
      const first = drafted.filter((row) => row.credited_policy === 'engagement').length;
      expect(Math.abs(2 * first - drafted.length)).toBeLessThanOrEqual(1); // a round is one pick each
    }
  });
});

describe('the first page', () => {
  it('says where each post would have been in every other arm', async () => {
    const rows = await feedsOf('one');
    for (const row of rows) {
      if (row.participant_id === '_default' || row.position > 50) {
        expect(row.counterfactual_positions).toBeNull();
        continue;
      }
      const places = JSON.parse(row.counterfactual_positions ?? '') as Record<string, number>;
      expect(Object.keys(places)).not.toContain(row.arm);
      for (const [arm, position] of Object.entries(places)) {
        expect(arms).toContain(arm);
        expect(position).toBeGreaterThanOrEqual(1);
        expect(position).toBeLessThanOrEqual(100);
      }
    }
    const engagement = rows.filter((row) => row.arm === 'engagement' && row.position <= 50);
    const together = engagement.filter((row) => row.counterfactual_positions?.includes('"treatment"'));
    expect(together.length).toBeGreaterThan(engagement.length / 2);
  });

  it('of a holdout is the default feed of an arm of its own', async () => {
    const rows = (await feedsOf('one')).filter((row) => row.arm === 'holdout');
    const byDefault = (await feedsOf('one')).filter((row) => row.participant_id === '_default');
    const [one] = Map.groupBy(rows, (row) => row.participant_id).values();
    const shown = new Set(byDefault.map((row) => row.uri));
    expect(one?.filter((row) => shown.has(row.uri)).length).toBeGreaterThan(90);
  });
});

describe('a generation later on', () => {
  const versionTwo = (text: string): string => {
    const row = text.split('\n').find((line) => line.startsWith('treatment,1,')) ?? '';
    const cells = row.split(',');
    cells[1] = '2';
    cells[2] = '2026-07-01';
    cells[text.split('\n')[0]?.split(',').indexOf('superposter_multiplier') ?? 0] = '0.5';
    return `${text}${cells.join(',')}\n`;
  };

  it('is refused where a row that has ranked was edited, which is named', async () => {
    const edit = (text: string): string =>
      text.replace(
        'treatment,1,2025-01-01,engagement,100,5,50,60,3,2,3,0.95',
        'treatment,1,2025-01-01,engagement,100,5,50,60,3,2,3,0.9',
      );
    const file = path.join(config.projectRoot, 'seeds/ranking_policies.csv');
    const before = readFileSync(file, 'utf8');
    editSeed(config.projectRoot, 'ranking_policies.csv', edit);
    try {
      await expect(rankAs('edited')).rejects.toMatchObject({
        code: 'FT_RANK_POLICY_EDITED',
        message: expect.stringContaining('treatment 1: freshness_decay_ratio was 0.95, is 0.9') as unknown,
      });
    } finally {
      writeFileSync(file, before);
    }
  });

  it('ranks by the new version of a policy, and what was before is still built as it was', async () => {
    const manifest = async (generation: string): Promise<Manifest> =>
      JSON.parse(
        Buffer.from((await openLake(config.lake).read(generationFiles(generation).manifest)) ?? []).toString(
          'utf8',
        ),
      ) as Manifest;
    const before = await manifest('one');
    expect(before.promise).toEqual({ state: 'not frozen', record: null, changes: [] });
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    const frozen = await freeze(store);
    editSeed(config.projectRoot, 'ranking_policies.csv', versionTwo);
    editSeed(config.projectRoot, 'alert_rules.csv', (text) => `${text}\n`);
    const pointer = await readCurrentGeneration(openLake(config.lake));
    await expect(rankAs('two', small.generated.endUs + hourUs)).rejects.toMatchObject({
      code: 'FT_RANK_PROMISE',
      exitCode: 4,
      message: expect.stringMatching(/freeze 1 of .*\n {2}changed seeds\/ranking_policies.csv$/) as unknown,
    });
    expect(await readCurrentGeneration(openLake(config.lake))).toEqual(pointer);
    const amended = await amend(store, { reason: 'superposters weigh less' });
    editSeed(config.projectRoot, 'alert_rules.csv', (text) => `${text}\n`); // nobody's feed comes from it
    await rankAs('two', small.generated.endUs + hourUs);
    expect((await manifest('two')).promise).toEqual({
      state: 'as amended',
      record: {
        number: 2,
        sha256: amended.sha256,
        frozen_us: amended.frozen_us,
        reason: 'superposters weigh less',
      },
      changes: [{ file: 'seeds/alert_rules.csv', what: 'changed' }],
    });
    expect(amended.previous_sha256).toBe(frozen.sha256);
    const versions = (await feedsOf('two'))
      .filter((row) => row.arm === 'treatment')
      .map((row) => row.policy_version);
    expect(new Set(versions)).toEqual(new Set(['2']));
    expect(await manifest('one')).toEqual(before);
    for (const generation of ['one', 'two'])
      expect(await replay({ config, generation })).toMatchObject({
        verified: true,
        identical_bytes: true,
        feeds: { different: 0, erased: 0, checked_in_part: 0 },
      });
  });

  it('is compared with the one before: who got another feed, and for which reason', async () => {
    const diff = await compareGenerations({ config, from: 'one', to: 'two' });
    expect(diff.participants.length).toBeGreaterThan(0);
    const treated = diff.participants.filter((one) => one.arm === 'treatment');
    expect(treated.length).toBeGreaterThan(0);
    for (const one of treated) expect(one.policy).toBe('treatment 1 -> treatment 2');
    for (const one of diff.participants.filter((each) => each.arm === 'engagement'))
      expect(one.policy).toBeNull();
    for (const one of diff.participants) {
      const explained = Object.values(one.reasons).reduce((sum, count) => sum + count, 0);
      expect(explained).toBe(one.entered + one.left);
    }
  });
});

describe('a simulation', () => {
  it('ranks a stored window for everyone in every arm, and serves nobody', async () => {
    const pointer = readFileSync(path.join(config.lake, 'feeds/current.json'), 'utf8');
    const report = await simulate({ config, dbt, generation: 'two', first: 20 });
    const active = small.generated.participants.filter((one) => one.status === 'active').length;
    expect(report.arms.map(({ arm }) => arm)).toEqual([...arms].sort());
    for (const arm of report.arms) expect(arm.feeds).toBe(active);
    expect(report.left_out).toEqual([]);
    expect(report.overlap.engagement?.engagement).toBe(1);
    expect(report.overlap.engagement?.treatment).toBeGreaterThan(report.overlap.engagement?.holdout ?? 1);
    expect(report.arms.find(({ arm }) => arm === 'treatment')?.policy_version).toBe('2');
    // version 2 of treatment lowers superposters by half
    const share = (arm: string) => report.arms.find((one) => one.arm === arm)?.measures.superposter.mean ?? 0;
    expect(share('treatment')).toBeLessThanOrEqual(share('engagement'));
    expect(readFileSync(path.join(config.lake, 'feeds/current.json'), 'utf8')).toBe(pointer);
  });

  it.skipIf(!hasData)('ranks posts of a file for readers that are made up, the same every time', async () => {
    const posts = dataFile('pilot/pilot_posts.csv');
    const report = await simulate({ config, dbt, posts, readers: 10 });
    expect(report).toMatchObject({ posts: 241, participants: 10 });
    const [recent, engaging] = ['holdout', 'engagement'].map((arm) =>
      report.arms.find((one) => one.arm === arm),
    );
    expect(engaging?.measures.likes.mean).toBeGreaterThan(recent?.measures.likes.mean ?? 0);
    expect(recent?.measures.age_hours.mean).toBeLessThan(engaging?.measures.age_hours.mean ?? 0);
    expect(report.left_out.map(({ arm }) => arm)).toEqual([
      'diversified',
      'engagement_personal',
      'interleaved',
    ]);
    expect(await simulate({ config, dbt, posts, readers: 10 })).toEqual(report);
    await expect(simulate({ config, dbt, posts: 'no-such.csv' })).rejects.toMatchObject({
      code: 'FT_SIMULATE_POSTS',
    });
  });
});

describe('a person who is erased', () => {
  it('is gone from a generation, which says so when it is replayed and can be checked for all others', async () => {
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const rows = await feedsOf('one');
    const person = rows.find((row) => row.arm === 'engagement')?.participant_id ?? '';
    const author = rows.find((row) => row.arm === 'treatment')?.author_did ?? '';
    const held = new Set(rows.filter((row) => row.author_did === author).map((row) => row.participant_id));
    held.delete(person);
    const subject = {
      receiptId: 'e_1',
      did: author,
      participantId: person,
      handles: [],
      pseudonyms: [],
      salt: 'salt',
    };
    for (const home of [lake, privateLake]) {
      await noteErasure(home, engine, 'feeds/generation=one', subject, 1);
      for (const folder of ['feeds/generation=one', 'pairs/generation=one'])
        for (const file of (await searchLake(home, engine, subject, folder)).files.keys())
          await eraseFromFile(home, engine, file, subject);
    }
    expect(
      (await feedsOf('one')).some((row) => row.participant_id === person || row.author_did === author),
    ).toBe(false);

    const summary = await replay({ config, generation: 'one' });
    expect(summary).toMatchObject({ verified: true, identical_bytes: false, changed_files: [] });
    expect(summary.erasures).toEqual([
      { receipt: 'e_1', erased_us: 1, had_a_feed: true, touched_feeds: held.size },
    ]);
    expect(summary.rewritten_files).toContain('positions/feeds.parquet');
    expect(summary.feeds.erased).toBe(1);
    expect(summary.feeds.different).toBe(0);
    const active = small.generated.participants.filter((one) => one.status === 'active');
    expect(summary.feeds.identical + summary.feeds.checked_in_part).toBe(active.length); // one less, and the default feed
    expect(summary.participants.find((one) => one.verdict === 'erased')?.detail).toContain('receipt e_1');
  });

  it('does not hide what somebody changed', async () => {
    const file = path.join(config.lake, generationFiles('one').feeds);
    const before = readFileSync(file);
    await engine.run(
      `COPY (SELECT * REPLACE (CASE WHEN position = 3 THEN score + 1 ELSE score END AS score) FROM read_parquet(${sqlText(file)}, hive_partitioning = false)) TO ${sqlText(`${file}.new`)} (FORMAT parquet)`,
    );
    writeFileSync(file, readFileSync(`${file}.new`));
    const summary = await replay({ config, generation: 'one' });
    expect(summary.verified).toBe(false);
    expect(summary.feeds.different).toBeGreaterThan(0);
    writeFileSync(file, before);
    expect((await replay({ config, generation: 'one' })).verified).toBe(true);
  });
});

describe('an old generation', () => {
  it('is compacted: its feeds stay, and can be compared with their hashes', async () => {
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const options = { lake, privateLake, keepDays: 30 };
    expect(await compactGenerations({ ...options, nowMs: Date.now() + 29 * 86_400_000 })).toEqual([]);
    const compacted = await compactGenerations({ ...options, nowMs: Date.now() + 31 * 86_400_000 });
    expect(compacted).toEqual(['one']);
    expect(await lake.exists(generationFiles('one').scored)).toBe(false);
    expect(await privateLake.list('feeds/generation=one')).toEqual([]);
    expect((await feedsOf('one')).length).toBeGreaterThan(100);
    const summary = await replay({ config, generation: 'one' });
    expect(summary).toMatchObject({ how: 'compacted', verified: true });
    await expect(replay({ config, generation: 'no-such' })).rejects.toMatchObject({
      code: 'FT_REPLAY_UNKNOWN',
    });
  });
});
