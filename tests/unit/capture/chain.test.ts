import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openChain, type ChainedCommit } from '../../../extract/capture/chain/follow.ts';
import { treeName, type ChainLink } from '../../../extract/capture/firehose/chain-link.ts';
import { temporaryFolder } from '../../folders.ts';

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';
const tree = (n: number): string => n.toString(16).padStart(16, '0');
const rev = (n: number): string => `3lrev${String(n).padStart(8, '0')}`;
const us = (n: number): number => 1_783_175_900_000_000 + n;

/** The n-th commit of a repository, following on the one before unless told otherwise. */
const nth = (n: number, link: Partial<ChainLink> = {}, of = did): ChainedCommit => ({
  did: of,
  rev: rev(n),
  data: tree(n),
  seq: n,
  eventUs: us(n),
  link: {
    since: rev(n - 1),
    prevData: tree(n - 1),
    data: tree(n),
    operations: 'proved',
    problem: null,
    ...link,
  },
});
const at = (n: number) => ({ cursor: n, us: us(n) });

describe("following a repository's chain", () => {
  const open = () => openChain(temporaryFolder(), null).chain;

  it('takes the first commit as it is, and each that follows on it', () => {
    const chain = open();
    for (const n of [1, 2, 3]) expect(chain.judge(nth(n))).toEqual({ drop: false, gap: null });
    expect(chain.counts).toMatchObject({ first: 1, followed: 2, breaks: 0 });
    chain.close(true);
  });

  it('states a break with its ends, under a name that the same break always has', () => {
    const [a, b] = [open(), open()].map((chain) => {
      chain.judge(nth(1));
      const { drop, gap } = chain.judge(nth(4));
      expect(drop).toBe(false);
      expect(chain.judge(nth(5)).gap).toBeNull(); // stated once: what follows on it is whole again
      chain.close(true);
      return gap;
    });
    expect(a).toMatchObject({
      kind: 'chain_break',
      state: 'open',
      did,
      from_seq: 1,
      to_seq: 4,
      from_us: us(1),
      to_us: us(4),
    });
    expect(a?.detail).toContain(rev(3));
    expect(a).toEqual(b);
  });

  it.each([
    ['another tree before it', nth(2, { prevData: tree(9) })],
    ['another rev before it', nth(2, { since: rev(0) })],
    ['the same rev with another tree', { ...nth(1), data: tree(9) }],
    ['operations that leave something out', nth(2, { operations: 'failed', problem: 'hidden' })],
  ])('a commit with %s queues the repository', (_, commit) => {
    const chain = open();
    chain.judge(nth(1));
    expect(chain.judge(commit).gap).toMatchObject({ kind: 'chain_break', did, state: 'open' });
    chain.close(true);
  });

  it('drops only what is surely in the spool, and never goes back', () => {
    const chain = open();
    for (const n of [1, 2, 3]) chain.judge(nth(n));
    expect(chain.judge(nth(3))).toEqual({ drop: true, gap: null });
    expect(chain.judge(nth(2))).toEqual({ drop: false, gap: null });
    expect(chain.judge(nth(4))).toEqual({ drop: false, gap: null });
    expect(chain.counts).toMatchObject({ duplicates: 1, replayed: 1, followed: 3, breaks: 0 });
    chain.close(true);
  });

  it('a server that sends neither since nor prevData is counted and breaks nothing', () => {
    const chain = open();
    chain.judge(nth(1));
    expect(chain.judge(nth(7, { since: null, prevData: null, operations: 'legacy' })).gap).toBeNull();
    expect(chain.counts).toMatchObject({ legacy: 1, breaks: 0 });
    chain.close(true);
  });

  it('a #sync sets where the chain stands', () => {
    const chain = open();
    chain.judge(nth(1));
    expect(chain.judge({ ...nth(6), link: null })).toEqual({ drop: false, gap: null });
    expect(chain.judge(nth(7)).gap).toBeNull();
    chain.close(true);
  });

  it("a #sync opens no gap where nothing is missing: a new account's empty tree, or the tree that is held", async () => {
    const repo = await import('@atproto/repo');
    const root = await (await repo.MST.create(new repo.MemoryBlockstore())).getPointer();
    const data = treeName(Buffer.from(root.bytes).toString('latin1'));
    const chain = open();
    const sync = (commit: ReturnType<typeof nth>) => chain.judge({ ...commit, link: null }).drop;
    expect(sync({ ...nth(1), did: 'did:plc:new', data })).toBe(true);
    chain.judge(nth(1));
    expect(sync(nth(1))).toBe(true);
    expect(sync({ ...nth(2), data })).toBe(false); // all its records are gone: that is to be fetched
    expect(sync({ ...nth(3), did: 'did:plc:unknown' })).toBe(false);
    chain.close(true);
  });

  it('a break is closed by the commits that were missing, verified late, also after a restart', () => {
    const folder = temporaryFolder();
    const first = openChain(folder, null).chain;
    first.judge(nth(1));
    const { gap } = first.judge(nth(4)); // 2 and 3 could not be verified
    expect(gap).toMatchObject({ state: 'open', kind: 'chain_break' });
    expect(first.late(nth(3))).toBeNull(); // not the next one that is missing
    expect(first.late(nth(2, { prevData: tree(9) }))).toBeNull(); // of another tree
    expect(first.late(nth(2, { operations: 'failed' }))).toBeNull();
    expect(first.late(nth(2))).toBeNull();
    first.appended(at(4), 1);
    first.close(true);
    const second = openChain(folder, at(4)).chain;
    expect(second.late({ ...nth(3), data: tree(8) })).toBeNull(); // not the tree that 4 follows on
    expect(second.late(nth(3))).toEqual({ ...gap, state: 'closed', detail: expect.any(String) as string });
    expect(second.late(nth(3))).toBeNull();
    expect(second.judge(nth(5))).toEqual({ drop: false, gap: null });
    second.close(true);
  });

  it('a commit that was verified late neither breaks the chain nor moves it back', () => {
    const chain = open();
    chain.judge(nth(1));
    chain.late(nth(2));
    expect(chain.judge(nth(3)).gap).toBeNull();
    chain.late(nth(2));
    expect(chain.judge(nth(4)).gap).toBeNull();
    chain.close(true);
  });
});

describe('what is on disk of the chains', () => {
  it('is never ahead of the spool, and capture goes on from where it stands', () => {
    const spool = temporaryFolder();
    let clock = 10_000;
    const options = { now: () => clock, checkpointMs: 1_000 };
    const { chain } = openChain(spool, null, options);
    chain.judge(nth(1));
    chain.appended(at(1), 100);
    chain.checkpoint(0); // taken together, nothing durable yet
    chain.judge(nth(2));
    chain.appended(at(2), 200);
    clock += 2_000;
    chain.checkpoint(99);
    chain.close(false); // the process dies here
    const none = openChain(spool, at(2), options);
    expect(none.cursor).toBe(2);
    expect(none.chain.judge(nth(9)).gap).toBeNull(); // it knew of no commit
    none.chain.close(false);

    const again = openChain(spool, at(2), options);
    again.chain.judge(nth(2));
    again.chain.appended(at(2), 100);
    clock += 2_000;
    again.chain.checkpoint(0);
    again.chain.judge(nth(3));
    again.chain.appended(at(3), 200);
    clock += 2_000;
    again.chain.checkpoint(150); // the first is durable, the second is not
    again.chain.close(false);
    const { chain: last, cursor } = openChain(spool, at(3), options);
    expect(cursor).toBe(2); // the spool has 3, but the chain must see it again
    expect(last.judge(nth(3))).toEqual({ drop: false, gap: null });
    expect(last.counts).toMatchObject({ followed: 1 });
    last.close(true);
  });

  it('holds all after an end in good order', () => {
    const spool = temporaryFolder();
    const first = openChain(spool, null).chain;
    for (let n = 1; n <= 500; n++) first.judge(nth(1, {}, `did:plc:${String(n).padStart(24, 'a')}`));
    first.appended(at(500), 1);
    first.close(true);
    const { chain, cursor } = openChain(spool, at(500));
    expect(cursor).toBe(500);
    for (let n = 1; n <= 500; n++)
      expect(chain.judge(nth(2, {}, `did:plc:${String(n).padStart(24, 'a')}`)).gap).toBeNull();
    expect(chain.counts.followed).toBe(500);
    chain.close(true);
  });

  it('begins anew where it is too far from the spool, or is no database', () => {
    const spool = temporaryFolder();
    const first = openChain(spool, null).chain;
    first.judge(nth(1));
    first.appended(at(1), 1);
    first.close(true);
    const far = openChain(spool, { cursor: 9_000, us: us(3_600_000_000) });
    expect(far.cursor).toBe(9_000);
    expect(far.chain.judge(nth(9)).gap).toBeNull();
    far.chain.close(false);
    fs.writeFileSync(`${spool}/chain/repositories.sqlite`, 'not a database, but long enough to be looked at');
    const anew = openChain(spool, at(1));
    expect(anew.cursor).toBe(1);
    expect(fs.existsSync(`${spool}/chain/repositories.sqlite.broken`)).toBe(true);
    anew.chain.close(true);
  });
});
