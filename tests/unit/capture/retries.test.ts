import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRetries } from '../../../extract/capture/firehose/retries.ts';
import { temporaryFolder } from '../../folders.ts';

const frame = (n: number): Buffer => Buffer.from(`frame ${n}`);

describe('frames that are to be tried again', () => {
  it('are due after each delay, until they have been tried often enough', () => {
    let now = 0;
    const retries = openRetries(null, [10, 100], () => now);
    expect(retries.add(frame(1), 5, 1)).toBe(true);
    expect(retries.takeDue()).toEqual([]);
    now = 10;
    expect(retries.takeDue()).toEqual([{ frames: [frame(1)], receivedUs: [5], attempts: 1 }]);
    expect(retries.takeDue()).toEqual([]); // under way
    expect(retries.add(frame(1), 5, 2)).toBe(true);
    now = 110;
    expect(retries.takeDue()).toMatchObject([{ attempts: 2 }]);
    expect(retries.add(frame(1), 5, 3)).toBe(false);
    expect(retries.size).toBe(0);
    retries.close();
  });

  it('wait once, however often they come, and no more of them than there is room for', () => {
    const retries = openRetries(null, [10], () => 0, { maxFrames: 2 });
    expect([retries.add(frame(1), 1, 1), retries.add(frame(2), 2, 1), retries.add(frame(3), 3, 1)]).toEqual([
      true,
      true,
      false,
    ]);
    retries.settle([frame(1)]);
    expect([retries.add(frame(3), 3, 1), retries.size]).toEqual([true, 2]);
    retries.close();
    const few = openRetries(null, [10], () => 0, { maxBytes: 10 });
    expect([few.add(frame(1), 1, 1), few.add(frame(2), 1, 1)]).toEqual([true, false]);
    few.close();
  });

  it('outlast the process, what was under way included; a file that is none is set aside', () => {
    const folder = temporaryFolder();
    const first = openRetries(folder, [10], () => 0);
    first.add(frame(1), 1, 1);
    first.add(frame(2), 2, 1);
    first.add(frame(1), 1, 1); // a crash had it come twice
    first.close();
    const second = openRetries(folder, [10], () => 10);
    expect(second.takeDue()).toMatchObject([{ frames: [frame(1), frame(2)] }]);
    second.settle([frame(1)]);
    second.close();
    const third = openRetries(folder, [10], () => 10);
    expect(third.takeDue()).toMatchObject([{ frames: [frame(2)] }]);
    third.close();
    const file = path.join(folder, 'retries/firehose.sqlite');
    for (const suffix of ['-wal', '-shm']) fs.rmSync(file + suffix, { force: true });
    fs.writeFileSync(file, 'no database'.repeat(100));
    const fourth = openRetries(folder, [10], () => 10);
    expect(fourth.size).toBe(0);
    expect(fs.existsSync(`${file}.broken`)).toBe(true);
    fourth.close();
  });
});
