import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processBatch, type BatchSettings } from '../../../extract/capture/firehose/batch.ts';
import { cidText, openCar } from '../../../extract/capture/firehose/car.ts';
import { fastDecoder } from '../../../extract/capture/firehose/decode-fast.ts';
import { referenceDecoder } from '../../../extract/capture/firehose/decode-reference.ts';
import { Rejection } from '../../../extract/capture/rejection.ts';
import { encodeFrame, parseFrame, restampFrame, type KeyAnswer } from '../../../extract/capture/index.ts';
import { hasData, realFrames } from '../../data.ts';
import { realKeys } from './real-keys.ts';

const fastAlone: BatchSettings = {
  decoder: fastDecoder,
  reference: null,
  verify: true,
  keeps: () => true,
  maxFrameBytes: 5_000_000,
};

describe.skipIf(!hasData)('frames that were changed at random', () => {
  const frames = hasData ? realFrames() : [];
  const keys = hasData ? realKeys() : new Map<string, KeyAnswer>();
  const someKey = keys.values().next().value as KeyAnswer;
  const answer = async (dids: string[]) => dids.map((did) => keys.get(did) ?? someKey);

  it('are never taken by the fast decoder where the reference refuses them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(frames.length - 1),
        // the blocks are most of a frame, and what stands before and after them says what it is
        fc.oneof(
          fc.double({ min: 0, max: 0.999, noNaN: true }),
          fc.integer({ min: 0, max: 150 }),
          fc.integer({ min: -150, max: -1 }),
        ),
        fc.integer({ min: 1, max: 255 }),
        async (which, where, mask) => {
          const frame = Buffer.from(frames[which] as Buffer);
          const at = Number.isInteger(where)
            ? (where + frame.length) % frame.length
            : Math.floor(where * frame.length);
          frame[at] = (frame[at] as number) ^ mask;
          const batch = { frames: [frame], receivedUs: [1] };
          const fast = await processBatch(batch, fastAlone, answer);
          if (fast.rows.record === undefined) return;
          const reference = await processBatch(batch, { ...fastAlone, decoder: referenceDecoder }, answer);
          // the order of keys in a record is not part of what it says
          const rows = (lines: Buffer): unknown[] =>
            lines
              .toString()
              .split('\n')
              .filter(Boolean)
              .map((line) => JSON.parse(line) as unknown);
          expect(rows(fast.lines)).toEqual(rows(reference.lines));
        },
      ),
      {
        numRuns: Number(process.env['FEEDTRIAL_FUZZ_RUNS'] ?? 300),
        // an op of 0; a tab in the key of a deletion: both were taken once
        examples: [
          [124, 14, 1],
          [142, 65, 121],
        ],
      },
    );
  });

  it('come out as they went in when nothing is changed, and verify when only the time is', async () => {
    for (const frame of frames) expect(Buffer.compare(encodeFrame(parseFrame(frame)), frame)).toBe(0);
    const restamped = frames.map((frame) =>
      Buffer.from(restampFrame(frame, { time: '2026-01-01T00:00:00.25Z' })),
    );
    const result = await processBatch(
      { frames: restamped, receivedUs: restamped.map(() => 1) },
      fastAlone,
      answer,
    );
    expect(result.rejected).toEqual({});
    expect(result.rows).toEqual({ record: 150, identity: 1, account: 1 });
    const first = JSON.parse(result.lines.toString().split('\n')[0] as string) as { event_us: number };
    expect(first.event_us).toBe(Date.UTC(2026, 0, 1) * 1000 + 250_000);
  });

  it('any bytes at all end in rows, never in an error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 }),
        async (some) => {
          const result = await processBatch(
            { frames: some.map((bytes) => Buffer.from(bytes)), receivedUs: some.map(() => 1) },
            fastAlone,
            answer,
          );
          expect(Object.values(result.frames).reduce((sum, n) => sum + n, 0)).toBe(some.length);
        },
      ),
    );
  });
});

it('a CAR is read or refused, whatever its bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        openCar(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Rejection);
      }
    }),
  );
});

it('a CID is written as every IPFS tool writes it', () => {
  const emptyMap = Buffer.concat([
    Buffer.from([1, 0x71, 0x12, 0x20]),
    hash('sha256', Buffer.from([0xa0]), 'buffer'),
  ]);
  expect(cidText(emptyMap.toString('latin1'))).toBe(
    'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua',
  );
});
