import { expect, it } from 'vitest';
import { backfillWindow } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { makeRepository } from '../../backfill-repositories.ts';
import { decodeBlock } from '../../../extract/backfill/archive/block.ts';
import { encodeBlock, startFakeJetstream, type FakeEvent } from './fake-archive.ts';
import { nthDid } from './fake-pds.ts';
import { landedRows, type LandedRecord } from './rows.ts';

silenceProgress();

const minute = 60_000_000;
const start = (Date.now() - 3_600_000) * 1000;
const at = (i: number): number => start + i * 6_000_000;
const collection = 'app.bsky.feed.post';

const archived: FakeEvent[] = Array.from({ length: 240 }, (_, i) =>
  i % 20 === 7
    ? {
        us: at(i),
        did: nthDid(3),
        kind: 'account',
        value: { active: false, did: nthDid(3), status: 'deactivated', seq: i },
      }
    : i % 20 === 9
      ? { us: at(i), did: nthDid(i % 5), kind: 'delete', collection, rkey: `key${i}`, rev: `rev${i}` }
      : {
          us: at(i),
          did: nthDid(i % 5),
          kind: 'create',
          collection,
          rkey: `key${i}`,
          rev: `rev${i}`,
          value: { $type: collection, text: `post ${i} äöü` },
        },
);
/** What the stream still has: the last eighteen of thirty minutes. */
const streamed = Array.from({ length: 300 }, (_, i) => i)
  .filter((i) => i >= 120)
  .map((i) =>
    JSON.stringify({
      did: nthDid(i % 5),
      time_us: at(i),
      kind: 'commit',
      commit: {
        rev: `rev${i}`,
        operation: 'create',
        collection,
        rkey: `key${i}`,
        record: { text: `post ${i}` },
        cid: `cid${i}`,
      },
    }),
  );
const shape = { archived, perBlock: 10, perSegment: 50 };

const timesOf = async (config: ReturnType<typeof configIn>): Promise<Set<number>> =>
  new Set([
    ...(await landedRows<LandedRecord>(config, 'records')).map(({ event_us }) => Number(event_us)),
    ...(await landedRows<{ event_us: bigint }>(config, 'accounts')).map(({ event_us }) => Number(event_us)),
  ]);

it('what the stream no longer has comes from the archive of the same server', async () => {
  const config = configIn(temporaryFolder());
  const server = await startFakeJetstream(streamed, shape);
  const summary = await backfillWindow({
    config,
    url: server.url,
    fromUs: at(25),
    toUs: at(150),
    quietMs: 3_000,
  });
  expect(summary.outcomes.done).toBe(1);
  const times = await timesOf(config);
  for (let i = 25; i <= 150; i++) expect(times).toContain(at(i));
  expect(times).not.toContain(at(5));
  // only the blocks that hold something of it
  expect(server.asked.filter((method) => method === 'getBlock').length).toBeLessThanOrEqual(11);
  const [row] = await landedRows<{ detail: string }>(config, 'backfills');
  expect(row?.detail).not.toContain('nothing before');
});

it('a server that refuses so old a cursor gives the window from its archive', async () => {
  const config = configIn(temporaryFolder());
  const server = await startFakeJetstream(streamed, { ...shape, refuseBelowUs: at(200) });
  const summary = await backfillWindow({
    config,
    url: server.url,
    fromUs: at(30),
    toUs: at(60),
    quietMs: 3_000,
    patience: { attempts: 2, firstWaitMs: 5 },
  });
  expect(summary.outcomes.done).toBe(1);
  const times = await timesOf(config);
  for (let i = 30; i <= 60; i++) expect(times).toContain(at(i));
  expect(times.has(at(80))).toBe(false);
});

it('an archive that is spoiled on its way adds nothing, and the window says so', async () => {
  const config = configIn(temporaryFolder());
  const server = await startFakeJetstream(streamed, shape);
  server.spoil = (block) => {
    const spoiled = Buffer.from(block);
    spoiled[spoiled.length >> 1] = (spoiled[spoiled.length >> 1] as number) ^ 0xff;
    return spoiled;
  };
  await backfillWindow({
    config,
    url: server.url,
    fromUs: start + 2 * minute,
    toUs: at(150),
    quietMs: 3_000,
    patience: { attempts: 2, firstWaitMs: 5 },
  });
  const [row] = await landedRows<{ detail: string }>(config, 'backfills');
  expect(row?.detail).toContain('nothing before');
  expect(row?.detail).toContain('does not unpack');
  expect([...(await timesOf(config))].every((us) => us >= at(120))).toBe(true);
});

it('a block gives its events back, and a record the CID that its repository has for it', async () => {
  const made = await makeRepository(3);
  const events = decodeBlock(encodeBlock(archived, 1));
  expect(events).toHaveLength(archived.length);
  for (const [i, event] of events.entries()) {
    const { us, did, kind, rkey = '', rev = '' } = archived[i] as FakeEvent;
    expect(event).toMatchObject({ witnessedUs: us, did, kind, rkey, rev });
  }
  const [path = '', cid] = [...made.records][0] ?? [];
  const bytes = [...made.blocks.entries()].find(({ cid: of }) => of.toString() === cid)?.bytes;
  const { asStreamed } = await import('../../../extract/backfill/archive/block.ts');
  const line = asStreamed({
    witnessedUs: 1,
    kind: 'create',
    did: made.did,
    collection: path.split('/')[0] ?? '',
    rkey: 'x',
    rev: 'y',
    payload: Buffer.from(bytes ?? []),
  });
  expect((JSON.parse(line?.toString() ?? '') as { commit: { cid: string } }).commit.cid).toBe(cid);
});
