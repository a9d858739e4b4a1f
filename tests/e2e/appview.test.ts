import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  encodeServing,
  formatCurrentGeneration,
  generationFolder,
  openLake,
  servingPath,
} from '../../lake/index.ts';
import { startTelemetry } from '../../ops/telemetry/index.ts';
import { registerFeed, startServer } from '../../serve/index.ts';
import { enroll, listParticipants, openStudyStore } from '../../study/index.ts';
import { configIn } from '../folders.ts';
import { startNetworkWithAppView, type NetworkWithAppView } from '../network/start-appview.ts';
import { xrpc, type Session } from '../network/xrpc.ts';
import { loggedLines } from '../integration/serve/site.ts';
import { freePort } from '../services/free-port.ts';
import { findPostgres, postgresMissing, startPostgres, type Postgres } from '../services/postgres.ts';
import { hasRedis, redisMissing, startRedis } from '../services/redis.ts';

const isThere = findPostgres() !== null && hasRedis();
if (!isThere)
  console.warn(
    `SKIPPED: the way through a real AppView. ${findPostgres() === null ? postgresMissing : redisMissing}`,
  );

interface FeedAnswer {
  feed: { post: { uri: string; record: { text: string } }; feedContext?: string }[];
  cursor?: string;
  reqId?: string;
}

describe.skipIf(!isThere)('through a real PDS and AppView', () => {
  let folder: string;
  let postgres: Postgres;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let network: NetworkWithAppView;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    network = await startNetworkWithAppView({
      postgresUrl: await postgres.database(),
      redisHost: redis.host,
    });
  });
  afterAll(async () => {
    await network?.close();
    await postgres?.close();
    await redis?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const createAccount = (name: string): Promise<Session> =>
    xrpc<Session>(network.pdsUrl, 'com.atproto.server.createAccount', {
      body: { handle: `${name}.test`, email: `${name}@mail.test`, password: `${name}-password` },
    });

  it("a participant's app shows the feed of their arm, a stranger's the default feed, and what they saw comes back", async () => {
    const [publisher, participant, stranger, author] = [
      await createAccount('feedlab'),
      await createAccount('anna'),
      await createAccount('bert'),
      await createAccount('carla'),
    ] as [Session, Session, Session, Session];
    const posts: string[] = [];
    for (let n = 1; n <= 6; n++) {
      const { uri } = await xrpc<{ uri: string }>(network.pdsUrl, 'com.atproto.repo.createRecord', {
        accessJwt: author.accessJwt,
        body: {
          repo: author.did,
          collection: 'app.bsky.feed.post',
          record: { $type: 'app.bsky.feed.post', text: `post ${n}`, createdAt: new Date().toISOString() },
        },
      });
      posts.push(uri);
    }

    const port = await freePort();
    const serviceDid = await network.createService(`http://localhost:${port}`);
    const config = configIn(folder, {
      FEEDTRIAL_PLC_URL: network.plcUrl,
      FEEDTRIAL_PORT: String(port),
      FEEDTRIAL_HOSTNAME: `localhost:${port}`,
      FEEDTRIAL_SERVICE_DID: serviceDid,
      FEEDTRIAL_PUBLISHER_DID: publisher.did,
      FEEDTRIAL_STUDY_DB: await postgres.database(),
      FEEDTRIAL_LOG_LEVEL: 'warn',
    });
    await startTelemetry(config);
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    const { enrolled } = await enroll(store, {
      people: [{ handle: 'anna.test' }],
      arms: [{ arm: 'treatment', weight: 1, status: 'open' }],
      resolverUrl: network.pdsUrl,
    });
    const pseudonym = enrolled[0]?.participant_id ?? '';
    const lake = openLake(config.lake);
    const feed = (participantId: string, policy: string, positions: number[]) => ({
      participantId,
      arm: policy,
      policy,
      policyVersion: '1',
      positions: Uint32Array.from(positions),
    });
    await lake.write(
      servingPath('g1'),
      encodeServing({
        generation: 'g1',
        uris: posts,
        feeds: [
          feed('_default', 'reverse_chronological', [5, 4, 3, 2, 1, 0]),
          feed(pseudonym, 'treatment', [2, 0, 4, 1]),
        ],
      }),
    );
    const us = Date.now() * 1000;
    await lake.write(`${generationFolder('g1')}/manifest.json`, JSON.stringify({ as_of_us: us }));
    await lake.swap(
      'feeds/current.json',
      null,
      formatCurrentGeneration({
        generation: 'g1',
        published_us: us,
        as_of_us: us,
        feeds: 2,
        positions: 10,
        serving: servingPath('g1'),
      }),
    );
    const server = await startServer({ config });
    onTestFinished(() => server.close());
    const registered = await registerFeed(store, {
      publisher: { identifier: publisher.did, password: 'feedlab-password' },
      displayName: 'Research feed',
      acceptsInteractions: true,
    });
    expect(registered).toMatchObject({ uri: server.feedUri, problem: null });

    // as the app asks: its own server, which asks the AppView, which asks the feed server
    const getFeed = (reader: Session, query: Record<string, string> = {}): Promise<FeedAnswer> =>
      xrpc<FeedAnswer>(network.pdsUrl, 'app.bsky.feed.getFeed', {
        accessJwt: reader.accessJwt,
        query: { feed: server.feedUri, ...query },
      });
    const textsOf = ({ feed: items }: FeedAnswer): string[] => items.map(({ post }) => post.record.text);
    await expect
      .poll(() => getFeed(participant).then(textsOf, String), { timeout: 120_000, interval: 500 })
      .toEqual(['post 3', 'post 1', 'post 5', 'post 2']);
    expect(textsOf(await getFeed(stranger))).toEqual([6, 5, 4, 3, 2, 1].map((n) => `post ${n}`));
    const first = await getFeed(participant, { limit: '2' });
    const second = await getFeed(participant, { limit: '2', cursor: first.cursor ?? '' });
    expect([...textsOf(first), ...textsOf(second)]).toEqual(['post 3', 'post 1', 'post 5', 'post 2']);

    const [seen] = first.feed;
    const sent = await fetch(new URL('/xrpc/app.bsky.feed.sendInteractions', network.pdsUrl), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${participant.accessJwt}`,
        'atproto-proxy': `${serviceDid}#bsky_fg`,
      },
      body: JSON.stringify({
        interactions: [
          {
            item: seen?.post.uri,
            event: 'app.bsky.feed.defs#interactionSeen',
            feedContext: seen?.feedContext,
            reqId: first.reqId,
          },
        ],
      }),
    });
    expect([sent.status, await sent.text()]).toEqual([200, '{}']);
    await expect.poll(async () => (await listParticipants(store))[0]?.first_request_us).not.toBeNull();

    await server.close();
    const lines = loggedLines(config);
    const interaction = lines.find(({ t }) => t === 'interaction');
    expect(interaction).toMatchObject({
      participant_id: pseudonym,
      event: 'interactionSeen',
      uri: posts[2],
      context_valid: true,
    });
    const exposure = lines.find(({ req_id }) => req_id === interaction?.req_id);
    expect(exposure).toMatchObject({
      participant_id: pseudonym,
      policy_served: 'treatment',
      generation: 'g1',
      uris: [posts[2], posts[0]],
      positions: [1, 2],
    });
    expect(lines.some(({ fallback_reason }) => fallback_reason === 'not_a_participant')).toBe(true);
  });
});
