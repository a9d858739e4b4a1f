import { MST, MemoryBlockstore, cborToLexRecord } from '@atproto/repo';
import { decode, encode, toBytes, type BytesWrapper, type CidLinkWrapper } from '@atcute/cbor';
import { describe, expect, it } from 'vitest';
import { cidKey, cidText, openCar } from '../../../extract/capture/firehose/car.ts';
import { fastDecoder } from '../../../extract/capture/firehose/decode-fast.ts';
import { referenceDecoder } from '../../../extract/capture/firehose/decode-reference.ts';
import { eventMicroseconds, packDidKey, parseFrame } from '../../../extract/capture/index.ts';
import {
  openSyntheticNetwork,
  stampSeq,
  stampTime,
  type SyntheticEvent,
  type SyntheticNetwork,
} from '../../../ops/rehearse/index.ts';

const startUs = 1_780_000_000_000_000;

function made(options: { seed?: string; accounts: number; events: number; p256Share?: number }): {
  network: SyntheticNetwork;
  events: SyntheticEvent[];
} {
  const network = openSyntheticNetwork({ seed: 'a seed', ...options });
  return {
    network,
    events: Array.from({ length: options.events }, (_, i) => network.next(startUs + i * 1_000)),
  };
}

const keyOf = (network: SyntheticNetwork, did: string): string => {
  const { verificationMethod } = network.document(did) as {
    verificationMethod: { publicKeyMultibase: string }[];
  };
  return `did:key:${verificationMethod[0]?.publicKeyMultibase}`;
};

const bodyOf = ({ frame }: SyntheticEvent) =>
  parseFrame(frame).body as {
    since: string;
    rev: string;
    prevData: CidLinkWrapper;
    commit: CidLinkWrapper;
    blocks: BytesWrapper;
    ops: { action: string; path: string; cid: CidLinkWrapper | null }[];
  };

const dataOf = (event: SyntheticEvent): CidLinkWrapper => {
  const car = openCar(bodyOf(event).blocks.buf);
  return (decode(car.block(car.root)) as { data: CidLinkWrapper }).data;
};

describe('a synthetic network', () => {
  const { network, events } = made({ accounts: 12, events: 3_000, p256Share: 0.25 });
  const commits = events.filter(({ type }) => type === 'commit');

  it('has every kind of event and operation, of both curves', () => {
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['commit', 'identity', 'account']));
    const actions = new Set(commits.flatMap(({ operations }) => operations.map(({ action }) => action)));
    expect(actions).toEqual(new Set(['create', 'update', 'delete']));
    expect(new Set(network.dids.map((did) => packDidKey(keyOf(network, did))[0]))).toEqual(new Set([1, 2]));
    expect(commits.some(({ operations }) => operations.length > 1)).toBe(true);
  });

  it('signs and proves every commit, and lets each be undone to the tree before', () => {
    for (const { frame, did, operations } of commits) {
      const didKey = keyOf(network, did);
      const taken = fastDecoder.commit(fastDecoder.open(frame), packDidKey(didKey), didKey);
      if (taken instanceof Promise) throw new Error('the fast decoder is synchronous');
      expect(taken.link).toMatchObject({ operations: 'proved', problem: null });
      expect(
        taken.operations.map(({ operation: action, collection, rkey }) => ({ action, collection, rkey })),
      ).toEqual(operations);
    }
  });

  it("is taken by @atproto/sync's own parser", async () => {
    for (const { frame, did } of commits.slice(-250)) {
      const didKey = keyOf(network, did);
      await referenceDecoder.commit(referenceDecoder.open(frame), packDidKey(didKey), didKey);
    }
  });

  it('has the trees that @atproto/repo makes of the same records', async () => {
    const contents = new Map<string, Map<string, CidLinkWrapper>>();
    const last = new Map<string, SyntheticEvent>();
    for (const event of commits) {
      const of = contents.get(event.did) ?? new Map<string, CidLinkWrapper>();
      contents.set(event.did, of);
      last.set(event.did, event);
      for (const { path, cid } of bodyOf(event).ops)
        if (cid === null) of.delete(path);
        else of.set(path, cid);
    }
    expect(contents.size).toBe(12);
    for (const [did, records] of contents) {
      let tree = await MST.create(new MemoryBlockstore());
      for (const [path, cid] of records)
        tree = await tree.add(path, cborToLexRecord(encode({ cid })).cid as Parameters<typeof tree.add>[1]);
      expect(cidText(cidKey(dataOf(last.get(did) as SyntheticEvent)))).toBe(String(await tree.getPointer()));
    }
  });

  it('chains the commits of each repository', () => {
    const before = new Map<string, { rev: string; data: string }>();
    for (const event of commits) {
      const { since, rev, prevData } = bodyOf(event);
      const last = before.get(event.did);
      expect(rev > since).toBe(true);
      if (last) expect({ rev: since, data: cidText(cidKey(prevData)) }).toEqual(last);
      before.set(event.did, { rev, data: cidText(cidKey(dataOf(event))) });
    }
  });

  it('says nothing of an account while it is deactivated', () => {
    const inactive = new Set<string>();
    for (const { type, did, frame } of events) {
      if (type === 'commit') expect(inactive.has(did)).toBe(false);
      if (type !== 'account') continue;
      if (parseFrame(frame).body.active === true) inactive.delete(did);
      else inactive.add(did);
    }
  });

  it('is the same for the same seed, signatures by P-256 apart', () => {
    const of = (seed: string) =>
      made({ seed, accounts: 5, events: 300, p256Share: 0 }).events.map(({ frame }) => frame.toString('hex'));
    expect(of('one')).toEqual(of('one'));
    expect(of('one')).not.toEqual(of('another'));
  });
});

describe('stamping a frame', () => {
  it('changes its time and its place in the stream, and nothing else', () => {
    const network = openSyntheticNetwork({ seed: 'stamps', accounts: 1, firstSeq: 2 ** 33 });
    const { frame } = network.next(startUs);
    const before = parseFrame(Buffer.from(frame)).body;
    expect(stampTime(frame, '2031-02-03T04:05:06.789Z')).toBe(true);
    expect(stampSeq(frame, 2 ** 40 + 7)).toBe(true);
    const after = parseFrame(frame).body;
    expect(eventMicroseconds(after.time)).toBe(Date.UTC(2031, 1, 3, 4, 5, 6, 789) * 1000);
    expect(after.seq).toBe(2 ** 40 + 7);
    expect({ ...after, time: null, seq: null }).toEqual({ ...before, time: null, seq: null });
  });

  it('refuses what would not fit', () => {
    const network = openSyntheticNetwork({ seed: 'stamps', accounts: 1 });
    const { frame } = network.next(startUs);
    const before = Buffer.from(frame);
    expect(stampTime(frame, '2031-02-03')).toBe(false);
    expect(stampSeq(frame, 2 ** 40)).toBe(false);
    expect(frame.equals(before)).toBe(true);
    expect(stampTime(Buffer.from(toBytes(Buffer.from('none')).$bytes), '2031-02-03T04:05:06.789Z')).toBe(
      false,
    );
  });
});
