import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Secp256k1Keypair } from '@atproto/crypto';
import { Client as PlcClient, didForCreateOp, signOperation } from '@did-plc/lib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { listFeeds, registerFeed, startServer, unregisterFeed } from '../../../serve/index.ts';
import { openStudyStore } from '../../../study/index.ts';
import { configIn } from '../../folders.ts';
import { startNetwork, type Network } from '../../network/index.ts';
import { xrpc } from '../../network/xrpc.ts';
import { freePort } from '../../services/free-port.ts';

/** A PNG of one pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

describe('a feed on a real PDS', () => {
  let folder: string;
  let network: Network;
  let did: string;
  const password = 'publisher-password';

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
    network = await startNetwork({ folder });
    ({ did } = await xrpc<{ did: string }>(network.pdsUrl, 'com.atproto.server.createAccount', {
      body: { handle: 'publisher.test', email: 'publisher@mail.test', password },
    }));
  });
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is registered once for all arms, found by its service, replaced in place, and taken away', async () => {
    const port = await freePort();
    const config = configIn(mkdtempSync(path.join(folder, 'study-')), {
      FEEDTRIAL_PLC_URL: network.plcUrl,
      FEEDTRIAL_HOSTNAME: `localhost:${port}`,
      FEEDTRIAL_PORT: String(port),
      FEEDTRIAL_PUBLISHER_DID: did,
      FEEDTRIAL_LOG_LEVEL: 'silent',
    });
    await startTelemetry(config);
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    const publisher = { identifier: did, password };
    const feed = { publisher, displayName: 'Science 🧑🏽‍🚀', acceptsInteractions: true };
    const before = await registerFeed(store, feed);
    expect(before.problem).toContain('can not be resolved'); // nobody serves its document yet

    const server = await startServer({ config });
    onTestFinished(() => server.close());
    const registered = await registerFeed(store, {
      ...feed,
      description: 'Posts of scientists',
      avatar: png,
    });
    expect(registered).toMatchObject({ uri: `at://${did}/app.bsky.feed.generator/feedtrial`, problem: null });
    expect(registered.uri).toBe(server.feedUri);
    const { value } = await xrpc<{ value: Record<string, unknown> }>(
      network.pdsUrl,
      'com.atproto.repo.getRecord',
      {
        query: { repo: did, collection: 'app.bsky.feed.generator', rkey: 'feedtrial' },
      },
    );
    expect(value).toMatchObject({
      did: config.serviceDid,
      displayName: 'Science 🧑🏽‍🚀',
      description: 'Posts of scientists',
      acceptsInteractions: true,
      avatar: { mimeType: 'image/png', size: png.length },
    });
    const list = await xrpc<{ records: unknown[] }>(network.pdsUrl, 'com.atproto.repo.listRecords', {
      query: { repo: did, collection: 'app.bsky.feed.generator' },
    });
    expect(list.records).toHaveLength(1);
    expect(await listFeeds(store)).toMatchObject([{ uri: registered.uri, unregistered_us: null }]);

    await unregisterFeed(store, { publisher });
    await unregisterFeed(store, { publisher });
    expect((await listFeeds(store))[0]?.unregistered_us).toEqual(expect.any(Number));
    const gone = await fetch(
      `${network.pdsUrl}/xrpc/com.atproto.repo.getRecord?repo=${did}&collection=app.bsky.feed.generator&rkey=feedtrial`,
    );
    expect(gone.status).toBe(400);
  });

  it('is registered under a did:plc of the service, once its document names where it answers', async () => {
    const port = await freePort();
    const key = await Secp256k1Keypair.create();
    const operation = await signOperation(
      {
        type: 'plc_operation',
        rotationKeys: [key.did()],
        verificationMethods: {},
        alsoKnownAs: [],
        services: { bsky_fg: { type: 'BskyFeedGenerator', endpoint: `http://localhost:${port}` } },
        prev: null,
      },
      key,
    );
    const serviceDid = await didForCreateOp(operation);
    const config = configIn(mkdtempSync(path.join(folder, 'study-')), {
      FEEDTRIAL_PLC_URL: network.plcUrl,
      FEEDTRIAL_HOSTNAME: `localhost:${port}`,
      FEEDTRIAL_PORT: String(port),
      FEEDTRIAL_SERVICE_DID: serviceDid,
      FEEDTRIAL_PUBLISHER_DID: did,
      FEEDTRIAL_LOG_LEVEL: 'silent',
    });
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    const server = await startServer({ config });
    onTestFinished(() => server.close());
    const feed = {
      publisher: { identifier: did, password },
      displayName: 'Science',
      acceptsInteractions: true,
    };
    expect((await registerFeed(store, feed)).problem).toContain('create the DID in its directory first');
    await new PlcClient(network.plcUrl).sendOperation(serviceDid, operation);
    expect(await registerFeed(store, feed)).toMatchObject({ uri: server.feedUri, problem: null });
    expect((await fetch(`${server.url}/.well-known/did.json`)).status).toBe(404); // the directory has it
    await unregisterFeed(store, { publisher: feed.publisher });
  });

  it('that can not be registered so is refused before anything is sent', async () => {
    const config = configIn(mkdtempSync(path.join(folder, 'study-')), {
      FEEDTRIAL_PLC_URL: network.plcUrl,
      FEEDTRIAL_LOG_LEVEL: 'silent',
    });
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    const publisher = { identifier: did, password };
    const feed = { publisher, displayName: 'Science', acceptsInteractions: true };
    const cases: [string, Partial<Parameters<typeof registerFeed>[1]>, string][] = [
      ['a name of 25', { displayName: '🧑🏽‍🚀'.repeat(25) }, 'FT_SERVE_FEED'],
      ['a name of 24 that takes 360 bytes', { displayName: '🧑🏽‍🚀'.repeat(24) }, 'FT_SERVE_FEED'],
      ['no name', { displayName: ' ' }, 'FT_SERVE_FEED'],
      ['a description of 301', { description: 'é'.repeat(301) }, 'FT_SERVE_FEED'],
      ['a picture that is none', { avatar: Buffer.from('GIF89a') }, 'FT_SERVE_FEED'],
      [
        'a picture that is too large',
        { avatar: Buffer.concat([png, Buffer.alloc(1_000_000)]) },
        'FT_SERVE_FEED',
      ],
      ['a wrong password', { publisher: { identifier: did, password: 'wrong' } }, 'FT_SERVE_PUBLISHER'],
    ];
    for (const [what, change, code] of cases) {
      const error: unknown = await registerFeed(store, { ...feed, ...change }).catch(
        (reason: unknown) => reason,
      );
      expect([what, (error as { code?: string }).code]).toEqual([what, code]);
    }
    expect(await listFeeds(store)).toEqual([]);
  });
});
