import { describe, expect, it } from 'vitest';
import { processBatch, type AskKeys, type BatchSettings } from '../../../extract/capture/firehose/batch.ts';
import { collectionFilter } from '../../../extract/capture/firehose/collections.ts';
import { fastDecoder } from '../../../extract/capture/firehose/decode-fast.ts';
import { referenceDecoder } from '../../../extract/capture/firehose/decode-reference.ts';
import type { Decoder, VerifiedCommit } from '../../../extract/capture/firehose/decoder.ts';
import type { KeyAnswer } from '../../../extract/capture/index.ts';
import { hasData, realFrames } from '../../data.ts';
import { commitOf, tamperings, type SpooledRow } from '../../relay/index.ts';
import { realKeys } from './real-keys.ts';

const settings: BatchSettings = {
  decoder: fastDecoder,
  reference: async () => referenceDecoder,
  verify: true,
  keeps: collectionFilter([]),
  maxFrameBytes: 5_000_000,
};
const at = 1_783_175_900_000_000;
const rowsOf = (lines: Buffer): SpooledRow[] =>
  lines
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as SpooledRow);

const parsed = (commit: VerifiedCommit) => ({
  ...commit,
  operations: commit.operations.map((op) => ({
    ...op,
    record: op.record === null ? null : (JSON.parse(op.record) as unknown),
  })),
});

describe.skipIf(!hasData)('on the real frames', () => {
  const frames = hasData ? realFrames() : [];
  const keys = hasData ? realKeys() : new Map<string, KeyAnswer>();
  const unknown: KeyAnswer = { key: null, didKey: null, error: 'plc answered 404' };
  const askKeys: AskKeys = async (dids) => dids.map((did) => keys.get(did) ?? unknown);
  const process = (some: Buffer[], with_: Partial<BatchSettings> = {}, ask = askKeys) =>
    processBatch({ frames: some, receivedUs: some.map(() => at) }, { ...settings, ...with_ }, ask);

  it('the fast decoder says, frame by frame, what the reference says', async () => {
    let commits = 0;
    for (const frame of frames) {
      const fast = fastDecoder.open(frame);
      const reference = referenceDecoder.open(frame);
      const { type, seq, eventUs, did } = fast;
      expect({ type, seq, eventUs, did }).toEqual({
        type: reference.type,
        seq: reference.seq,
        eventUs: reference.eventUs,
        did: reference.did,
      });
      if (type !== 'commit') continue;
      const { key, didKey } = keys.get(did as string) as KeyAnswer;
      const verified = await fastDecoder.commit(fast, key, didKey);
      expect(parsed(verified)).toEqual(parsed(await referenceDecoder.commit(reference, key, didKey)));
      commits++;
    }
    expect(commits).toBe(148);
  });

  const create = frames.find((frame) => {
    const { ops } = commitOf(frame);
    return ops?.length === 1 && ops[0]?.action === 'create';
  }) as Buffer;

  it.each(Object.entries(tamperings))(
    '%s is rejected, with its reason and the frame',
    async (name, { reason, spoil }) => {
      const spoilt = spoil(create);
      expect(spoilt.equals(create), name).toBe(false);
      // a frame that names a repository with another key still has a key to be checked against
      const answerAll: AskKeys = async (dids) =>
        dids.map((did) => keys.get(did) ?? (keys.values().next().value as KeyAnswer));
      const result = await process([spoilt], {}, answerAll);
      expect(result.rejected).toEqual({ [reason]: 1 });
      const rows = rowsOf(result.lines).filter(({ t }) => t !== 'cursor');
      expect(rows).toMatchObject([
        { t: 'rejected', reason, attempts: 1, source: 'firehose', ingested_at: at },
      ]);
      expect(Buffer.from(rows[0]?.frame as string, 'base64').equals(spoilt)).toBe(true);
      expect(result.disagreements).toBe(0);
    },
  );

  it('a bad frame takes none of its neighbours with it', async () => {
    const spoilt = frames.slice(0, 20);
    spoilt[7] = Buffer.from('not a frame');
    const rows = rowsOf((await process(spoilt)).lines);
    expect(rows.filter(({ t }) => t === 'rejected')).toHaveLength(1);
    expect(rows.filter(({ t }) => t === 'record')).toHaveLength(19);
  });

  it('nothing is rejected that the reference takes', async () => {
    const stubborn: Decoder = {
      ...fastDecoder,
      commit() {
        throw new Error('a decoder that takes nothing');
      },
    };
    const result = await process(frames, { decoder: stubborn });
    expect(result.disagreements).toBe(148);
    expect(result.rejected).toEqual({});
    expect(result.rows.record).toBe(150);
  });

  it('a rotated key is asked for once more, and then the commit is taken', async () => {
    const other = [...keys.values()].at(-1) as KeyAnswer;
    const asked: (number | null)[] = [];
    const result = await process([create], {}, async (dids, freshSinceMs) => {
      asked.push(freshSinceMs);
      return freshSinceMs === null ? dids.map(() => other) : askKeys(dids, freshSinceMs);
    });
    expect(result.rows).toEqual({ record: 1 });
    expect(asked).toEqual([null, at / 1000]); // the second time nothing older than the frame will do
  });

  it('a repository that no directory knows is rejected as did_unresolved', async () => {
    const result = await process([create], {}, async (dids) => dids.map(() => unknown));
    expect(rowsOf(result.lines)).toMatchObject([
      { t: 'rejected', reason: 'did_unresolved', detail: 'plc answered 404', did: commitOf(create).repo },
    ]);
  });

  it('a frame over the limit is rejected unopened and not kept', async () => {
    const result = await process([create], { maxFrameBytes: 1_000 });
    expect(rowsOf(result.lines)).toMatchObject([
      { t: 'rejected', reason: 'too_big', frame: null, seq: null },
    ]);
  });

  it('collections that are not kept are counted, and the cursor still moves past them', async () => {
    const result = await process(frames, { keeps: collectionFilter(['app.bsky.graph.*']) });
    const rows = rowsOf(result.lines);
    const kept = rows.filter(({ t }) => t === 'record');
    const left = Object.values(result.leftOut).reduce((sum, n) => sum + n, 0);
    expect(kept.length + left).toBe(150);
    expect(kept.length).toBeGreaterThan(0);
    expect(
      new Set(kept.map(({ collection }) => (collection as string).startsWith('app.bsky.graph.'))),
    ).toEqual(new Set([true]));
    const likesOnly = await process(frames.slice(0, 1), {
      keeps: collectionFilter(['app.bsky.graph.follow']),
    });
    expect(rowsOf(likesOnly.lines)).toMatchObject([{ t: 'cursor', seq: 31527015322, did: null }]);
  });

  it('without verification the rows say that they are not verified', async () => {
    const never: AskKeys = () => Promise.reject(new Error('nobody asks for keys'));
    const result = await process(frames, { verify: false }, never);
    const records = rowsOf(result.lines).filter(({ t }) => t === 'record');
    expect(records).toHaveLength(150);
    expect(new Set(records.map(({ verified }) => verified))).toEqual(new Set([false]));
  });
});
