import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeHolder, lockHolder, takeLock, waitForLock } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';

const lockModule = JSON.stringify(path.resolve('lake/lock/index.ts'));

/** Another process that holds the lock until it is killed. */
async function holdElsewhere(file: string): Promise<ChildProcess> {
  const holder = `
    import { takeLock } from ${lockModule};
    process.stdout.write(takeLock(${JSON.stringify(file)}) === null ? 'taken' : 'held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('held');
  return child;
}

describe('a lock', () => {
  it('is one process’s alone, says whose, and is free once that one was killed', async () => {
    const file = path.join(temporaryFolder(), 'new/lock');
    const child = await holdElsewhere(file);
    expect(takeLock(file)).toBeNull();
    expect(lockHolder(file)).toMatchObject({ pid: child.pid, host: os.hostname() });
    expect(Date.parse(lockHolder(file)?.since ?? '')).toBeLessThanOrEqual(Date.now());
    expect(describeHolder(file)).toContain(`process ${child.pid} on ${os.hostname()}`);

    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const lock = takeLock(file);
    expect(lock).not.toBeNull();
    expect(lockHolder(file)?.pid).toBe(process.pid);
    lock?.release();
  });

  it('excludes others of the same process, and can be taken again after it was given back', () => {
    const file = path.join(temporaryFolder(), 'lock');
    const first = takeLock(file);
    expect(takeLock(file)).toBeNull();
    first?.release();
    first?.release();
    expect(lockHolder(file)).toBeNull();
    const second = takeLock(file);
    first?.release();
    expect(lockHolder(file)?.pid).toBe(process.pid); // a second release takes nobody's name away
    expect(takeLock(file)).toBeNull();
    second?.release();
  });

  it('is waited for as long as was said, naming the holder, and no longer', async () => {
    const file = path.join(temporaryFolder(), 'lock');
    const child = await holdElsewhere(file);
    const named: string[] = [];
    expect(
      await waitForLock(file, { waitMs: 30, retryMs: 10, waiting: (holder) => named.push(holder) }),
    ).toBeNull();
    expect(named[0]).toContain(`process ${child.pid}`);
    const waited = waitForLock(file, { waitMs: 30_000, retryMs: 10, waiting: () => child.kill('SIGKILL') });
    const lock = await waited;
    expect(lock).not.toBeNull();
    lock?.release();

    const held = takeLock(file);
    const stop = AbortSignal.abort();
    expect(await waitForLock(file, { waitMs: 30_000, signal: stop })).toBeNull();
    held?.release();
  });
});
