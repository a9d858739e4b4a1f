import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot } from '../../../ops/config/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { landedRows, type LandedRecord } from '../../integration/backfill/rows.ts';
import { startNetwork, type Network, type Session } from '../../network/index.ts';
import { xrpc } from '../../network/xrpc.ts';

let network: Network;

beforeAll(async () => {
  network = await startNetwork({ pdses: 2 });
});
afterAll(async () => {
  await network?.close();
});

const createdAt = new Date(Date.UTC(2026, 6, 4)).toISOString();

const account = async (pds: number, handle: string): Promise<Session> => {
  const body = { handle, email: `${handle}@network.test`, password: 'not-a-secret' };
  const url = network.pdsUrls[pds] ?? '';
  const { did, accessJwt } = await xrpc<Session>(url, 'com.atproto.server.createAccount', { body });
  return { did, handle, accessJwt };
};

const write = async (pds: number, { did, accessJwt }: Session, collection: string, records: object[]) => {
  const writes = records.map((record) => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection,
    value: { $type: collection, createdAt, ...record },
  }));
  const body = { repo: did, writes };
  const url = network.pdsUrls[pds] ?? '';
  return (
    await xrpc<{ results: { uri: string; cid: string }[] }>(url, 'com.atproto.repo.applyWrites', {
      accessJwt,
      body,
    })
  ).results;
};

it('a study begins with its participants, then whom they follow, then the posts that they liked', async () => {
  const followed = await account(1, 'followed-one.test');
  const liked = await account(1, 'liked-one.test');
  const prolific = await account(0, 'prolific-one.test');
  const participant = await account(0, 'participant-one.test');
  await write(1, followed, 'app.bsky.feed.post', [
    { text: 'a post of somebody who is followed', langs: ['en'] },
  ]);
  const posts = await write(1, liked, 'app.bsky.feed.post', [
    { text: 'a post that is liked' },
    { text: 'a post that nobody likes' },
    { text: 'a post that is liked, and then deleted' },
  ]);
  const many = await write(
    0,
    prolific,
    'app.bsky.feed.post',
    Array.from({ length: 45 }, (_, i) => ({ text: `one of many posts, number ${i}` })),
  );
  await write(0, participant, 'app.bsky.graph.follow', [{ subject: followed.did }]);
  await write(
    0,
    participant,
    'app.bsky.feed.like',
    [posts[0], posts[2], ...many].map((subject) => ({ subject: { uri: subject?.uri, cid: subject?.cid } })),
  );
  await xrpc(network.pdsUrls[1] ?? '', 'com.atproto.repo.deleteRecord', {
    accessJwt: liked.accessJwt,
    body: { repo: liked.did, collection: 'app.bsky.feed.post', rkey: posts[2]?.uri.split('/').at(-1) },
  });

  const config = configIn(temporaryFolder());
  const feedtrial = async (...args: string[]) => {
    const { stdout } = await execa(
      process.execPath,
      [path.join(projectRoot, 'ops/cli/feedtrial.js'), '--json', ...args],
      {
        cwd: path.dirname(config.spool),
        env: {
          FEEDTRIAL_LAKE: config.lake,
          FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
          FEEDTRIAL_SPOOL: config.spool,
          FEEDTRIAL_WAREHOUSE: config.warehouse,
          FEEDTRIAL_STUDY_DB: config.studyDb,
          FEEDTRIAL_PLC_URL: network.plcUrl,
          FEEDTRIAL_ALLOW_LOOPBACK: '1',
          FEEDTRIAL_LABEL_PROFILE: 'demo',
          FEEDTRIAL_LOG_LEVEL: 'warn',
        },
      },
    );
    return JSON.parse(stdout) as Record<string, unknown> & { outcomes: Record<string, number> };
  };
  await feedtrial('study', 'enroll', '--did', participant.did);
  expect(await feedtrial('backfill', '--participants')).toMatchObject({ outcomes: { done: 1 } });
  await feedtrial('land');
  expect(await feedtrial('backfill', '--follows-of-participants')).toMatchObject({ outcomes: { done: 1 } });
  await feedtrial('land');
  await feedtrial('transform');
  const likes = await feedtrial('backfill', '--likes');
  // two posts of one author one by one, one of which is gone; of the other, who has 45, the repository
  expect(likes).toMatchObject({ asked: 3, outcomes: { done: 2, absent: 1, failed: 0 } });
  await feedtrial('land');
  await feedtrial('transform');
  // what is there now is held, and what is not is remembered
  expect(await feedtrial('backfill', '--likes')).toMatchObject({ asked: 0 });
  const records = await landedRows<LandedRecord>(config, 'records');
  const held = new Set(records.map((row) => `at://${row.did}/${row.collection}/${row.rkey}`));
  for (const { uri } of [posts[0] as { uri: string }, ...many]) expect(held).toContain(uri);
  expect(held).not.toContain(posts[1]?.uri);
  expect(records.every(({ verified, source }) => verified && source === 'backfill')).toBe(true);
});
