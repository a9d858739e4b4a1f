import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture } from '../../extract/capture/index.ts';
import { land } from '../../extract/land/index.ts';
import {
  openEngine,
  openLake,
  readCurrentGeneration,
  readTable,
  sqlText,
  tables,
  type CurrentGeneration,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import { readFeed } from '../../ops/demo/ask.ts';
import { compareArms, type Comparison } from '../../ops/demo/compare.ts';
import { demoConfig } from '../../ops/demo/folder.ts';
import { bringUp, type RunningDemo } from '../../ops/demo/run.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { startTelemetry } from '../../ops/telemetry/index.ts';
import type { Miniature } from '../../ops/demo/miniature.ts';
import type { PlannedPost, Role } from '../network/index.ts';
import { xrpc } from '../network/xrpc.ts';

interface FeedRow {
  participant_id: string;
  arm: string;
  position: number;
  uri: string;
  cid: string;
  author_did: string;
  event_us: bigint;
  score: number;
  toxic: number | null;
  constructive: number | null;
  is_superposter: boolean;
  is_in_network: boolean;
  position_before_shuffle: number;
}

// One network, one capture, one cycle, one server; every test looks at what they made.
describe('from a network to served feeds', () => {
  let folder: string;
  let temporary: string;
  let demo: RunningDemo;
  let miniature: Miniature;
  let comparison: Comparison;
  let lake: Lake;
  let engine: Engine;
  let generation: CurrentGeneration;
  let feeds: FeedRow[];

  beforeAll(async () => {
    silenceProgress();
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-e2e-'));
    temporary = path.join(folder, 'tmp');
    mkdirSync(temporary);
    const config = demoConfig(folder, {});
    await startTelemetry(config);
    demo = await bringUp({
      config,
      folder: temporary,
      source: { seed: 'feedtrial' },
      port: 0,
    });
    if (!demo.miniature) throw new Error('no network');
    miniature = demo.miniature;
    comparison = await compareArms(demo);
    lake = openLake(demo.config.lake);
    engine = await openEngine();
    const current = await readCurrentGeneration(lake);
    if (!current) throw new Error('nothing was published');
    generation = current;
    feeds = await engine.rows<FeedRow>(
      `SELECT * FROM read_parquet(${sqlText(lake.uri(`feeds/generation=${generation.generation}/positions/feeds.parquet`))})`,
    );
  });
  afterAll(async () => {
    await engine?.close();
    await demo?.close();
    silenceProgress(false);
    rmSync(folder, { recursive: true, force: true });
  });

  const planned = (uri: string): PlannedPost => {
    const index = miniature.population.posts.findIndex((post) => post.uri === uri);
    const post = miniature.population.plan.posts[index];
    if (!post) throw new Error(`${uri} is not a post of the network`);
    return post;
  };
  const roleOf = (uri: string): Role | undefined =>
    miniature.population.plan.accounts[planned(uri).account]?.role;
  const ofArm = (arm: string): FeedRow[] => {
    const participant = comparison.feeds.find((feed) => feed.arm === arm)?.participant;
    return feeds
      .filter((row) => row.participant_id === participant?.participant_id)
      .sort((a, b) => a.position_before_shuffle - b.position_before_shuffle);
  };
  const mean = (values: (number | null)[]): number => {
    const known = values.filter((value) => value !== null);
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  };

  test('every operation of the network is in the lake once, verified', async () => {
    const expected = new Map<string, number>();
    const collections = {
      profile: 'app.bsky.actor.profile',
      follow: 'app.bsky.graph.follow',
      post: 'app.bsky.feed.post',
      like: 'app.bsky.feed.like',
      repost: 'app.bsky.feed.repost',
    };
    const operationOf = {
      follow: ['follow', 'create'],
      unfollow: ['follow', 'delete'],
      post: ['post', 'create'],
      editPost: ['post', 'update'],
      deletePost: ['post', 'delete'],
      like: ['like', 'create'],
      unlike: ['like', 'delete'],
      repost: ['repost', 'create'],
    } as const;
    for (const write of miniature.population.plan.sessions.flatMap((session) => session.writes)) {
      const [record, operation] =
        write.kind === 'profile'
          ? (['profile', write.edit ? 'update' : 'create'] as const)
          : operationOf[write.kind];
      const key = `${collections[record]} ${operation}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    const landed = await engine.rows<{ key: string; n: bigint; distinct_n: bigint; verified: boolean }>(`
      SELECT collection || ' ' || operation AS key, count(*) AS n,
        count(DISTINCT (did, collection, rkey, rev)) AS distinct_n, bool_and(verified) AS verified
      FROM ${readTable(lake, tables.records)} GROUP BY 1`);
    expect(new Map(landed.map((row) => [row.key, Number(row.n)]))).toEqual(expected);
    for (const row of landed) {
      expect(row.verified).toBe(true);
      expect(row.distinct_n).toBe(row.n);
    }
    const rejected = await engine.rows(`SELECT * FROM ${readTable(lake, tables.rejected)}`);
    expect(rejected).toEqual([]);
  });

  test('at least 500 posts are eligible, their ages spread over 48 hours', async () => {
    const file = sqlText(lake.uri(`feeds/generation=${generation.generation}/inputs/scored.parquet`));
    const [row] = await engine.rows<{ n: bigint; oldest: number; youngest: number }>(
      `SELECT count(*) AS n, max(age_hours) AS oldest, min(age_hours) AS youngest FROM read_parquet(${file})`,
    );
    expect(Number(row?.n)).toBeGreaterThanOrEqual(500);
    expect(row?.oldest).toBeGreaterThan(40);
    expect(row?.oldest).toBeLessThan(49);
    expect(row?.youngest).toBeLessThan(6);
  });

  test('no feed holds what is deleted, excludelisted, adult, spam, too short or not English, or whose author is gone', () => {
    expect(feeds.length).toBeGreaterThan(500);
    for (const { uri, cid } of feeds) {
      expect(roleOf(uri)).not.toBeOneOf(['excludelisted', 'adult', 'spammer', 'foreign', 'leaver']);
      const post = planned(uri);
      expect(post.fate).not.toBe('deleted');
      expect(post.text.length).toBeGreaterThan(9);
      // of an edited post it is the last version
      expect(cid).toBe(miniature.population.posts[post.id]?.cid);
    }
  });

  test('each participant has a feed without repetition, from at most five posts an author', () => {
    const byParticipant = Map.groupBy(feeds, (row) => row.participant_id);
    expect(byParticipant.size).toBe(demo.participants.length + 1);
    for (const rows of byParticipant.values()) {
      expect(new Set(rows.map((row) => row.uri)).size).toBe(rows.length);
      const byAuthor = Map.groupBy(rows, (row) => row.author_did);
      for (const posts of byAuthor.values()) expect(posts.length).toBeLessThanOrEqual(5);
    }
  });

  test('followed accounts come first, and only those that are followed still', () => {
    const { plan, accounts } = miniature.population;
    const followed = new Set(plan.followedByParticipants.map((i) => accounts[i]?.did));
    for (const arm of ['reverse_chronological', 'engagement', 'treatment'])
      for (const row of ofArm(arm)) {
        expect(row.is_in_network).toBe(followed.has(row.author_did));
        if (row.position_before_shuffle <= 20) expect(row.is_in_network).toBe(true);
      }
  });

  test('the superposter stands lower in treatment than in engagement', () => {
    const places = (arm: string): number[] =>
      ofArm(arm).flatMap((row) => (row.is_superposter ? [row.position_before_shuffle] : []));
    const [engagement, treatment] = [places('engagement'), places('treatment')];
    expect(engagement.length).toBeGreaterThan(0);
    const superposters = new Set(feeds.filter((row) => row.is_superposter).map((row) => roleOf(row.uri)));
    expect([...superposters]).toEqual(['superposter']);
    expect(Math.min(...treatment, Infinity)).toBeGreaterThan(Math.min(...engagement));
    expect(mean([...treatment, ...Array<number>(5).fill(101)].slice(0, 5))).toBeGreaterThan(
      mean([...engagement, ...Array<number>(5).fill(101)].slice(0, 5)),
    );
  });

  test('treatment is less toxic and more constructive than engagement over the first 20 positions', () => {
    const [engagement, treatment] = ['engagement', 'treatment'].map((arm) =>
      comparison.feeds.find((feed) => feed.arm === arm)?.posts.slice(0, 20),
    );
    if (!engagement || !treatment) throw new Error('a feed is missing');
    expect(treatment).toHaveLength(20);
    expect(mean(treatment.map((post) => post.toxic))).toBeLessThan(
      mean(engagement.map((post) => post.toxic)),
    );
    expect(mean(treatment.map((post) => post.constructive))).toBeGreaterThan(
      mean(engagement.map((post) => post.constructive)),
    );
  });

  test('reverse_chronological is in time order within its two parts before the shuffle', () => {
    const rows = ofArm('reverse_chronological');
    const parts = [rows.slice(0, 50), rows.slice(50)];
    expect(rows.length).toBeGreaterThan(50);
    for (const part of parts) {
      const times = part.map((row) => Number(row.event_us));
      expect(times).toEqual([...times].sort((a, b) => b - a));
    }
  });

  test('the bounded shuffle moves a post by two places at most', () => {
    for (const row of feeds)
      expect(Math.abs(row.position - row.position_before_shuffle)).toBeLessThanOrEqual(2);
  });

  test('what is sent to a participant is their feed of the generation; without a token it is the default feed', () => {
    for (const feed of comparison.feeds) {
      const id = feed.participant?.participant_id ?? '_default';
      const own = feeds.filter((row) => row.participant_id === id).sort((a, b) => a.position - b.position);
      expect(feed.uris.length).toBeGreaterThan(50);
      expect(feed.uris).toEqual(own.map((row) => row.uri));
    }
    const { default: anonymous, reverse_chronological: personal } = Object.fromEntries(
      comparison.feeds.map((feed) => [feed.arm, feed.uris]),
    );
    expect(anonymous).not.toEqual(personal);
  });

  test('a token for another service or another method is refused', async () => {
    const account = miniature.participants[0];
    if (!account) throw new Error('no participant');
    const token = async (aud: string, lxm: string): Promise<string> => {
      const answer = await xrpc<{ token: string }>(
        miniature.network.pdsUrl,
        'com.atproto.server.getServiceAuth',
        {
          query: { aud, lxm },
          accessJwt: account.accessJwt,
        },
      );
      return answer.token;
    };
    const own = demo.config.serviceDid;
    await expect(
      readFeed(demo.server, () => token('did:web:another.test', 'app.bsky.feed.getFeedSkeleton')),
    ).rejects.toThrow(/401/);
    await expect(readFeed(demo.server, () => token(own, 'app.bsky.feed.sendInteractions'))).rejects.toThrow(
      /401/,
    );
  });

  test('a deletion on the network takes the post out of the feeds that are served', async () => {
    const participant = miniature.participants[0];
    const [wanted] = ofArm('engagement');
    const author = miniature.population.accounts.find((account) => account.did === wanted?.author_did);
    if (!participant || !wanted || !author) throw new Error('nothing to delete');
    await xrpc(miniature.network.pdsUrl, 'com.atproto.repo.deleteRecord', {
      accessJwt: author.accessJwt,
      body: { repo: author.did, collection: 'app.bsky.feed.post', rkey: wanted.uri.split('/').at(-1) },
    });
    await capture({ config: demo.config, source: 'firehose', idleExitSeconds: 2 });
    await land({ config: demo.config });
    await demo.server.poll();
    const account = miniature.participants.find(
      ({ did }) => did === comparison.feeds.find((feed) => feed.arm === 'engagement')?.participant?.did,
    );
    if (!account) throw new Error('no participant in engagement');
    const sent = await readFeed(demo.server, () => miniature.feedToken(account));
    expect(sent.uris).not.toContain(wanted.uri);
    expect(sent.uris.length).toBeGreaterThan(50);
  });

  // last, because it stops everything
  test('the exposures that land are what was sent, and nothing is left behind', async () => {
    const { pid } = miniature.network;
    await demo.close();
    const rows = await engine.rows<{
      participant_id: string | null;
      fallback_reason: string | null;
      policy_served: string;
      uris: string[];
    }>(`
      WITH firsts AS (
        SELECT participant_id, fallback_reason, policy_served, req_id, min(served_us) AS served_us,
          min(feed_offset) AS feed_offset,
          list(uri ORDER BY position) FILTER (uri IS NOT NULL) AS uris
        FROM ${readTable(lake, tables.exposures)} WHERE http_status = 200 GROUP BY ALL
      )
      SELECT participant_id, fallback_reason, policy_served, flatten(list(uris ORDER BY served_us, feed_offset)) AS uris
      FROM firsts GROUP BY ALL`);
    for (const feed of comparison.feeds) {
      const row = rows.find((one) => one.participant_id === (feed.participant?.participant_id ?? null));
      expect(row?.uris.slice(0, feed.uris.length)).toEqual(feed.uris);
      expect(row?.fallback_reason).toBe(feed.participant ? null : 'anonymous');
      expect(row?.policy_served).toBe(feed.arm);
    }
    expect(() => process.kill(pid, 0)).toThrow();
    expect(readdirSync(temporary)).toEqual([]);
    // the cycle is over before the server starts, which its probe says
    const runs = await engine.rows<{ stage: string; status: string }>(
      `SELECT DISTINCT stage, status FROM ${readTable(lake, tables.runs)}
       WHERE status NOT IN ('running', 'done') AND stage <> 'probe.server'`,
    );
    expect(runs).toEqual([]);
  });
});
