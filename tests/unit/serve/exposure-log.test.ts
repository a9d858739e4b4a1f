import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { listSealed } from '../../../lake/index.ts';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { openExposureLog } from '../../../serve/exposures/log.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const full = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

type Write = (fd: number, data: Uint8Array, offset: number, length?: number) => number;

beforeAll(async () => {
  await startTelemetry(configIn('.', { FEEDTRIAL_LOG_LEVEL: 'silent' })); // what these tests provoke would be logged
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Lets each write take what the plan says, of all writes of segments from here on; 'all' once it has ended. */
function refuse(plan: ('all' | 'none' | number)[]): void {
  const write = fs.writeSync.bind(fs) as Write;
  const planned: Write = (fd, data, offset) => {
    const outcome = plan.shift() ?? 'all';
    if (outcome === 'none') throw full();
    if (outcome === 'all') return write(fd, data, offset);
    // as a disk does that fills up: a part goes in, and then nothing
    plan.unshift('none');
    return write(fd, data, offset, Math.min(outcome, data.length - offset - 1));
  };
  vi.spyOn(fs, 'writeSync').mockImplementation(planned as typeof fs.writeSync);
}

it('an answer that was refused because it could not be written is never landed as shown', async () => {
  const outcomes = fc.array(
    fc.oneof(fc.constant('all' as const), fc.constant('none' as const), fc.integer({ min: 1, max: 60 })),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(outcomes, fc.boolean(), async (plan, canNotCut) => {
      const spool = temporaryFolder();
      const log = openExposureLog({ spool, syncEveryMs: 60_000 });
      try {
        await log.write({ n: 'first' }); // a segment is open
        refuse([...plan]);
        const cut = fs.ftruncateSync.bind(fs);
        let cuts = 0;
        vi.spyOn(fs, 'ftruncateSync').mockImplementation((fd, length) => {
          if (canNotCut && cuts++ % 2 === 0) throw full();
          cut(fd, length);
        });
        const given: unknown[] = ['first'];
        for (let n = 0; n < 12; n++) {
          const lines = [
            { n, what: 'x'.repeat(20) },
            { n: n + 100, what: '…' },
          ];
          const results = await Promise.allSettled(lines.map((line) => log.write(line)));
          results.forEach((result, i) => {
            if (result.status === 'fulfilled') given.push(lines[i]?.n);
          });
          expect(log.healthy).toBe(results.every(({ status }) => status === 'fulfilled'));
        }
        vi.restoreAllMocks();
        await log.write({ n: 'last' });
        await log.close();
        const [segment, ...others] = listSealed(spool);
        expect(others).toEqual([]);
        const content = fs.readFileSync(segment?.file ?? '');
        const written = content.toString().trimEnd().split('\n');
        expect(written.map((line) => (JSON.parse(line) as { n: unknown }).n)).toEqual([...given, 'last']);
        expect(segment).toMatchObject({
          lines: written.length,
          bytes: content.length,
          sha256: createHash('sha256').update(content).digest('hex'),
          recovered: false,
        });
        expect(log.lines).toBe(written.length);
      } finally {
        vi.restoreAllMocks();
      }
    }),
    { numRuns: 40 },
  );
});

it('a log to which nothing could be written leaves no segment behind', async () => {
  const spool = temporaryFolder();
  const log = openExposureLog({ spool });
  refuse(['none']);
  await expect(log.write({ n: 1 })).rejects.toMatchObject({ code: 'ENOSPC' });
  await log.close();
  expect(listSealed(spool)).toEqual([]);
  expect(fs.readdirSync(path.join(spool, log.stream)).filter((name) => !name.includes('lock'))).toEqual([]);
  await expect(log.write({ n: 2 })).rejects.toThrow('closed');
});

it('finds out by itself that there is room again: nobody asks a server that is not ready', async () => {
  const log = openExposureLog({ spool: temporaryFolder() });
  try {
    await log.write({ n: 1 });
    refuse(['none']);
    await expect(log.write({ n: 2 })).rejects.toThrow('no space');
    expect(log.healthy).toBe(false);
    await vi.waitFor(() => expect(log.healthy).toBe(true), { timeout: 20_000, interval: 50 });
  } finally {
    await log.close();
  }
});
