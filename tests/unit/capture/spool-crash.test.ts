import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readSeals, recoverSegments, resumeCursor } from '../../../lake/index.ts';
import {
  firehoseCursorOf,
  firehoseFormat,
  jetstreamCursorOf,
  type GapStatement,
} from '../../../extract/capture/index.ts';
import {
  cursorLine,
  firehoseGapLine,
  jetstreamGapLine,
  recordLine,
  type FrameStamp,
} from '../../../extract/capture/spool/lines.ts';
import { temporaryFolder } from '../../folders.ts';
import { spooledRows } from '../../relay/index.ts';

interface TestFrame {
  seq: number;
  operations: number;
}

/** Lines of a frame, as capture writes them; a frame without operations is a cursor line. */
function linesOf({ seq, operations }: TestFrame): string {
  const stamp: FrameStamp = { seq, eventUs: seq * 10, did: 'did:plc:tést', ingestedUs: 1 };
  if (operations === 0) return cursorLine(stamp);
  return Array.from({ length: operations }, (_, i) =>
    recordLine(
      stamp,
      {
        collection: 'a.b.c',
        rkey: `k${i}`,
        operation: 'create',
        cid: 'bafy',
        rev: 'r',
        record: '{"t":"ü"}',
        verified: true,
      },
      i === operations - 1,
    ),
  ).join('');
}

const key = ({ seq, rkey }: Record<string, unknown>): string => `${String(seq)}/${String(rkey)}`;

it('a spool cut at any byte goes on from a cursor that loses no operation', () => {
  const folder = temporaryFolder();
  let runs = 0;
  const frames = fc
    .array(fc.record({ step: fc.integer({ min: 1, max: 3 }), operations: fc.nat(3) }), {
      minLength: 1,
      maxLength: 12,
    })
    .map((steps) => {
      let seq = 100;
      return steps.map(({ step, operations }) => ({ seq: (seq += step), operations }));
    });
  fc.assert(
    fc.property(frames, fc.double({ min: 0, max: 1, noNaN: true }), (some, share) => {
      const spool = path.join(folder, String(runs++));
      const stream = path.join(spool, 'firehose');
      fs.mkdirSync(stream, { recursive: true });
      const whole = Buffer.from(some.map(linesOf).join(''));
      fs.writeFileSync(
        path.join(stream, '0000000000001-aa.open'),
        whole.subarray(0, Math.round(share * whole.length)),
      );

      recoverSegments({ spool, stream: 'firehose', format: firehoseFormat, cursorOf: firehoseCursorOf });
      const cursor = resumeCursor(spool, 'firehose');
      const again = some.filter(({ seq }) => cursor === null || seq > cursor);
      fs.writeFileSync(path.join(stream, '0000000000002-bb.open'), again.map(linesOf).join(''));

      const records = spooledRows(spool).filter(({ t }) => t === 'record');
      const wanted = some.flatMap(({ seq, operations }) =>
        Array.from({ length: operations }, (_, i) => `${seq}/k${i}`),
      );
      expect([...new Set(records.map(key))].sort()).toEqual(wanted.sort());
      expect(readSeals(spool, 'firehose').every(({ recovered }) => recovered)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

it('a statement about a gap stands for the cursor that the stream had, and for none inside a batch', () => {
  const gap: GapStatement = {
    gap_id: 'g',
    kind: 'disconnect',
    state: 'open',
    did: null,
    collection: null,
    from_us: 1,
    to_us: null,
    from_seq: 5,
    to_seq: null,
    detail: null,
  };
  expect(firehoseCursorOf(Buffer.from(firehoseGapLine(gap, 7, 5)))).toBe(5);
  expect(firehoseCursorOf(Buffer.from(firehoseGapLine(gap, 7, null)))).toBeNull();
  expect(jetstreamCursorOf(Buffer.from(jetstreamGapLine(gap, 7, 5)))).toBe(5);
  expect(jetstreamCursorOf(Buffer.from(jetstreamGapLine(gap, 7, null)))).toBeNull();
});
