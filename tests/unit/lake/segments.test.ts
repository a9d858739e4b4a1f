import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  listSealed,
  openSegmentWriter,
  pruneSeals,
  readSeals,
  recoverSegments,
  resumeCursor,
} from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';

const stream = 'firehose';
const format = 'firehose/1';
const cursorOf = (line: Buffer): number | null => {
  try {
    return (JSON.parse(line.toString()) as { seq: number | null }).seq;
  } catch {
    return null;
  }
};
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const folderOf = (spool: string) => path.join(spool, stream);
const fileWith = (spool: string, suffix: string) =>
  fs.readdirSync(folderOf(spool)).find((name) => name.endsWith(suffix));

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a segment whose writer died', () => {
  it('is recovered to its whole lines, wherever it was cut', () => {
    const rows = fc.array(
      fc.record({ seq: fc.option(fc.nat()), text: fc.string({ unit: 'grapheme', maxLength: 40 }) }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(rows, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (given, share, renamed) => {
        const spool = fs.mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
        try {
          const lines = given.map((row) => Buffer.from(`${JSON.stringify(row)}\n`));
          const content = Buffer.concat(lines);
          const cut = content.subarray(0, Math.round(share * content.length));
          fs.mkdirSync(folderOf(spool), { recursive: true });
          // the process died while it wrote, or between renaming the file and sealing it
          const name = `1795000000000-00112233aabbccdd${renamed ? '.ndjson' : '.open'}`;
          fs.writeFileSync(path.join(folderOf(spool), name), cut);

          const seals = recoverSegments({ spool, stream, format, cursorOf });

          // written out the long way: how many whole lines are in what was left
          let whole = 0;
          let bytes = 0;
          for (const line of lines) {
            if (bytes + line.length > cut.length) break;
            bytes += line.length;
            whole++;
          }
          if (whole === 0) {
            expect(seals).toEqual([]);
            expect(fs.readdirSync(folderOf(spool))).toEqual([]);
          } else {
            const expectedCursor = given
              .slice(0, whole)
              .map(({ seq }) => seq)
              .findLast((seq) => seq !== null);
            const [segment, ...others] = listSealed(spool);
            expect(others).toEqual([]);
            expect(segment).toMatchObject({
              lines: whole,
              bytes,
              recovered: true,
              cursor: expectedCursor ?? null,
            });
            const left = fs.readFileSync(segment?.file ?? '');
            expect(left.equals(content.subarray(0, bytes))).toBe(true);
            expect(segment?.sha256).toBe(sha256(left));
            expect(resumeCursor(spool, stream)).toBe(expectedCursor ?? null);
          }
          // and doing it again finds nothing to do
          expect(recoverSegments({ spool, stream, format, cursorOf })).toEqual([]);
        } finally {
          fs.rmSync(spool, { recursive: true, force: true });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is told from one that is being written', async () => {
    const spool = temporaryFolder();
    const living = openSegmentWriter({ spool, stream, format });
    living.append('{"seq":1}\n', 1, 1);
    living.flush();
    expect(recoverSegments({ spool, stream, format, cursorOf, onlyDead: true })).toEqual([]);
    living.append('{"seq":2}\n', 1, 2);
    expect(await living.close()).toMatchObject({ lines: 2, cursor: 2 });
    expect(fileWith(spool, '.owner')).toBeUndefined();

    const dead = openSegmentWriter({ spool, stream, format });
    dead.append('{"seq":3}\n', 1, 3);
    dead.flush();
    const ownerFile = path.join(folderOf(spool), fileWith(spool, '.owner') ?? '');
    const owner = JSON.parse(fs.readFileSync(ownerFile, 'utf8')) as Record<string, unknown>;
    expect(owner.pid).toBe(process.pid);
    // this pid, but a process that began at another time: the number was given out again
    fs.writeFileSync(ownerFile, JSON.stringify({ ...owner, began: '1' }));
    expect(recoverSegments({ spool, stream, format, cursorOf, onlyDead: true })).toMatchObject([
      { lines: 1, cursor: 3 },
    ]);
    expect(fileWith(spool, '.owner')).toBeUndefined();
  });
});

describe('a segment writer', () => {
  it('puts every line on disk once and in order, whatever the disk refuses in between', async () => {
    const outcomes = fc.array(
      fc.oneof(fc.constant('full' as const), fc.nat({ max: 9 }), fc.constant('all' as const)),
      {
        minLength: 1,
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(outcomes, fc.integer({ min: 1, max: 40 }), async (plan, count) => {
        const spool = fs.mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
        type Write = (fd: number, data: Uint8Array, offset: number, length?: number) => number;
        const write = fs.writeSync.bind(fs) as Write;
        const refusals = [...plan];
        const refusing: Write = (fd, data, offset) => {
          const outcome = refusals.shift() ?? 'all';
          if (outcome === 'full')
            throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
          return outcome === 'all'
            ? write(fd, data, offset)
            : write(fd, data, offset, Math.min(outcome, data.length - offset));
        };
        const spy = vi.spyOn(fs, 'writeSync').mockImplementation(refusing as typeof fs.writeSync);
        try {
          const writer = openSegmentWriter({ spool, stream, format, maxBytes: 120 });
          const patiently = async <T>(work: () => Promise<T>): Promise<void> => {
            for (let attempt = 0; attempt < 60; attempt++) {
              try {
                await work();
                return;
              } catch (error) {
                expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
              }
            }
            throw new Error('it never went through');
          };
          let written = '';
          for (let seq = 1; seq <= count; seq++) {
            const line = `${JSON.stringify({ seq })}\n`;
            writer.append(line, 1, seq);
            written += line;
            if (seq % 3 === 0) await patiently(() => writer.sync());
            await patiently(() => writer.rotateIfDue());
          }
          await patiently(() => writer.close());
          expect(writer.pendingBytes).toBe(0);
          expect(writer.durableCursor).toBe(count);
          const segments = listSealed(spool);
          const contents = segments.map(({ file }) => fs.readFileSync(file));
          expect(Buffer.concat(contents).toString()).toBe(written);
          expect(segments.map(({ sha256: sealed }) => sealed)).toEqual(contents.map(sha256));
          expect(segments.reduce((lines, segment) => lines + segment.lines, 0)).toBe(count);
          expect(resumeCursor(spool, stream)).toBe(count);
        } finally {
          spy.mockRestore();
          fs.rmSync(spool, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('seals what it had closed once the disk takes the seal', async () => {
    const spool = temporaryFolder();
    const writer = openSegmentWriter({ spool, stream, format });
    writer.append('{"seq":1}\n', 1, 1);
    const open = fs.openSync.bind(fs);
    let full = true;
    vi.spyOn(fs, 'openSync').mockImplementation((file, ...rest) => {
      if (full && String(file).includes('.seal.json'))
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return open(file, ...rest);
    });
    await expect(writer.seal()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(listSealed(spool)).toEqual([]);
    writer.append('{"seq":2}\n', 1, 2);
    full = false;
    expect(await writer.rotateIfDue()).not.toBeNull();
    await writer.close();
    expect(listSealed(spool).map(({ lines, cursor }) => ({ lines, cursor }))).toEqual([
      { lines: 1, cursor: 1 },
      { lines: 1, cursor: 2 },
    ]);
    expect(fileWith(spool, '.owner')).toBeUndefined();
  });
});

describe('seals whose data was landed', () => {
  it('are pruned but for the newest, the cursor, and what still waits', async () => {
    const spool = temporaryFolder();
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) {
      const writer = openSegmentWriter({ spool, stream, format, now: () => 1_795_000_000_000 + n });
      writer.append(`{"n":${n}}\n`, 1, n === 2 ? 42 : null);
      ids.push((await writer.close())?.id ?? '');
      if (n !== 1) fs.rmSync(path.join(folderOf(spool), `${ids[n]}.ndjson`));
    }
    expect(pruneSeals(spool, stream, 3)).toBe(3);
    expect(readSeals(spool, stream).map(({ id }) => ids.indexOf(id))).toEqual([1, 2, 5, 6, 7]);
    expect(resumeCursor(spool, stream)).toBe(42);
  });
});

describe('a segment grows old', () => {
  it('after its time, and at once where the clock was set back', async () => {
    let nowMs = 1_800_000_000_000;
    const writer = openSegmentWriter({
      spool: temporaryFolder(),
      stream,
      format,
      maxAgeMs: 60_000,
      now: () => nowMs,
    });
    const rotates = async (afterMs: number): Promise<boolean> => {
      writer.append('{"seq":1}\n', 1, 1);
      nowMs += afterMs;
      return (await writer.rotateIfDue()) !== null;
    };
    expect(await rotates(59_000)).toBe(false);
    expect(await rotates(1_000)).toBe(true);
    expect(await rotates(-500)).toBe(false);
    expect(await rotates(-7_200_000)).toBe(true);
    await writer.close();
  });
});
