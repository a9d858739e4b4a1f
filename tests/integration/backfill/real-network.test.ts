import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backfillCarFile, backfillRepositories } from '../../../extract/backfill/index.ts';
import { capture } from '../../../extract/capture/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startNetwork, type Network, type Session } from '../../network/index.ts';
import { xrpc } from '../../network/xrpc.ts';
import { migrate } from './migrate.ts';
import { landedRows, standing, type LandedRecord } from './rows.ts';

silenceProgress();

const createdAt = new Date(Date.UTC(2026, 6, 4)).toISOString();
let network: Network;
/** What was captured live of both servers. */
let captured: Config;
let folder: string;
let [home, mover, elsewhere, leaver, removed]: Session[] = [];

const account = async (pds: number, handle: string): Promise<Session> => {
  const { did, accessJwt } = await xrpc<{ did: string; accessJwt: string }>(
    network.pdsUrls[pds] ?? '',
    'com.atproto.server.createAccount',
    { body: { handle, email: `${handle.replace('.test', '')}@network.test`, password: 'not-a-secret' } },
  );
  return { did, handle, accessJwt };
};

const write = async (
  pds: number,
  { did, accessJwt }: Session,
  writes: object[],
): Promise<{ uri?: string }[]> => {
  const { results } = await xrpc<{ results: { uri?: string }[] }>(
    network.pdsUrls[pds] ?? '',
    'com.atproto.repo.applyWrites',
    { accessJwt, body: { repo: did, writes } },
  );
  return results;
};

const create = (collection: string, value: object, rkey?: string): object => ({
  $type: 'com.atproto.repo.applyWrites#create',
  collection,
  ...(rkey === undefined ? {} : { rkey }),
  value: { $type: collection, createdAt, ...value },
});

const remove = (uri: string | undefined): object => {
  const [, , , collection, rkey] = (uri ?? '').split('/');
  return { $type: 'com.atproto.repo.applyWrites#delete', collection, rkey };
};

/** Posts, a like, a follow and a profile that is edited; some of the posts are deleted again, one is edited. */
async function live(pds: number, who: Session, whom: Session): Promise<void> {
  const posts = await write(
    pds,
    who,
    Array.from({ length: 40 }, (_, i) =>
      create('app.bsky.feed.post', { text: `${who.handle} says ${i} — ${'ä'.repeat(i)}`, langs: ['en'] }),
    ),
  );
  await write(pds, who, [
    create('app.bsky.actor.profile', { displayName: who.handle }, 'self'),
    create('app.bsky.graph.follow', { subject: whom.did }),
    create('app.bsky.feed.like', {
      subject: { uri: posts[0]?.uri, cid: 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae' },
    }),
  ]);
  await write(pds, who, [
    ...posts.slice(10, 15).map(({ uri }) => remove(uri)),
    {
      ...create('app.bsky.actor.profile', { displayName: `${who.handle}, edited` }, 'self'),
      $type: 'com.atproto.repo.applyWrites#update',
    },
  ]);
}

/** Captures what a PDS has said since its beginning into a spool of its own, beside the same lake. */
const captureAll = async (config: Config, pds: number): Promise<void> => {
  await capture({
    config: { ...config, spool: `${config.spool}-${pds}` },
    source: 'firehose',
    url: `${(network.pdsUrls[pds] ?? '').replace('http:', 'ws:')}/xrpc/com.atproto.sync.subscribeRepos?cursor=0`,
    plcUrl: network.plcUrl,
    idleExitSeconds: 2,
  });
  await landedRows({ ...config, spool: `${config.spool}-${pds}` }, 'records');
};

beforeAll(async () => {
  network = await startNetwork({ pdses: 2 });
  home = await account(0, 'home-account.test');
  mover = await account(0, 'mover-account.test');
  elsewhere = await account(1, 'elsewhere-account.test');
  leaver = await account(0, 'leaver-account.test');
  removed = await account(1, 'removed-account.test');
  await live(0, home, mover);
  await live(0, mover, home);
  await live(1, elsewhere, home);
  await live(0, leaver, home);
  await live(1, removed, home);
  // before the account moves: afterwards its old commits can't be checked against its new key
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'feedtrial-backfill-'));
  captured = configIn(folder);
  await captureAll(captured, 0);
  mover = await migrate(network, mover, 0, 1);
  await write(1, mover, [create('app.bsky.feed.post', { text: 'from the new server' })]);
  await captureAll(captured, 1);
  await xrpc(network.pdsUrl, 'com.atproto.server.deactivateAccount', {
    accessJwt: leaver.accessJwt,
    body: {},
  });
  const takedown = await fetch(new URL('/xrpc/com.atproto.admin.updateSubjectStatus', network.pdsUrls[1]), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('admin:admin-pass').toString('base64')}`,
    },
    body: JSON.stringify({
      subject: { $type: 'com.atproto.admin.defs#repoRef', did: removed.did },
      takedown: { applied: true, ref: 'test' },
    }),
  });
  if (!takedown.ok) throw new Error(`takedown: ${takedown.status} ${await takedown.text()}`);
});

afterAll(async () => {
  await network?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const everyone = (): string[] => [home, mover, elsewhere, leaver, removed].map((one) => (one as Session).did);

describe('repositories of two real servers', () => {
  it('equal what was captured live of them, record for record, also of who moved from one to the other', async () => {
    const filled = configIn(temporaryFolder());
    const summary = await backfillRepositories({ config: filled, plcUrl: network.plcUrl, dids: everyone() });
    expect(summary.outcomes).toMatchObject({ done: 3, absent: 2, failed: 0 });
    expect(summary.reasons).toEqual({ repo_deactivated: 1, repo_takendown: 1 });

    const here = new Set([home, mover, elsewhere].map((one) => (one as Session).did));
    const of = (all: Map<string, string>) =>
      [...all].filter(([key]) => here.has(key.slice(0, key.indexOf('/'))));
    const live = of(await standing(captured));
    expect(of(await standing(filled))).toEqual(live);
    expect(live.length).toBeGreaterThan(3 * 37);

    const rows = await landedRows<LandedRecord>(filled, 'records');
    const texts = new Map(
      (await landedRows<LandedRecord>(captured, 'records')).map(({ cid, record }) => [cid, record]),
    );
    for (const row of rows) {
      expect(row).toMatchObject({ source: 'backfill', live: false, verified: true, operation: 'create' });
      expect(row.record).toBe(texts.get(row.cid));
      expect(row.event_us).toBeLessThanOrEqual(row.ingested_at);
    }
  });

  it('take out of the lake what was deleted while nobody listened, and leave what is newer', async () => {
    const config = configIn(temporaryFolder());
    const { did } = home as Session;
    await captureAll(config, 0);
    const before = await standing(config);
    const mine = [...before.keys()].filter((key) => key.startsWith(`${did}/app.bsky.feed.post/`));
    const gone = mine.slice(0, 3);
    await write(
      0,
      home as Session,
      gone.map((key) => remove(`at://${key}`)),
    );
    const summary = await backfillRepositories({ config, plcUrl: network.plcUrl, dids: [did] });
    expect(summary).toMatchObject({ deleted: 3, written: 0, outcomes: { done: 1 } });
    const after = await standing(config);
    expect([...before.keys()].filter((key) => !after.has(key))).toEqual(gone);
    const deletes = (await landedRows<LandedRecord>(config, 'records')).filter(
      ({ source, operation }) => source === 'backfill' && operation === 'delete',
    );
    expect(deletes.map((row) => `${row.did}/${row.collection}/${row.rkey}`).sort()).toEqual(gone.sort());
    // deleted posts leave feeds that are served
    expect((await landedRows<{ uri: string }>(config, 'tombstones')).map(({ uri }) => uri)).toEqual(
      expect.arrayContaining(gone.map((key) => `at://${key}`)),
    );
  });

  it('come from an exported file as well, and unsigned only where that is allowed', async () => {
    const folder = temporaryFolder();
    const { did } = elsewhere as Session;
    const response = await fetch(new URL(`/xrpc/com.atproto.sync.getRepo?did=${did}`, network.pdsUrls[1]));
    const file = path.join(folder, 'exported.car');
    fs.writeFileSync(file, Buffer.from(await response.arrayBuffer()));

    const config = configIn(path.join(folder, 'signed'));
    const summary = await backfillCarFile({ config, plcUrl: network.plcUrl, file });
    expect(summary.outcomes.done).toBe(1);
    const rows = await landedRows<LandedRecord>(config, 'records');
    expect(rows).toHaveLength(38);
    expect(rows.every(({ verified }) => verified)).toBe(true);

    const nowhere = { plcUrl: 'http://127.0.0.1:9', patience: { attempts: 1 } };
    const unsigned = configIn(path.join(folder, 'unsigned'));
    await expect(backfillCarFile({ config: unsigned, ...nowhere, file })).rejects.toMatchObject({
      code: 'FT_BACKFILL_UNVERIFIED',
    });
    await backfillCarFile({ config: unsigned, ...nowhere, file, allowUnverified: true });
    const claimed = await landedRows<LandedRecord>(unsigned, 'records');
    expect(claimed).toHaveLength(38);
    expect(claimed.some(({ verified }) => verified)).toBe(false);

    const bytes = fs.readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    fs.writeFileSync(file, bytes);
    await expect(
      backfillCarFile({ config: unsigned, ...nowhere, file, allowUnverified: true }),
    ).rejects.toMatchObject({ code: 'FT_BACKFILL_CAR' });
  });
});
