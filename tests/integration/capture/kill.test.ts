import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { readSeals } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { hasData, realDidDocuments, realFrames } from '../../data.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows, startPlcDouble, startRelayDouble, type SpooledRow } from '../../relay/index.ts';

silenceProgress();

/** All that a row says, but for when it was taken in. */
const said = ({ ingested_at: _, ...row }: SpooledRow): string => JSON.stringify(row);
const events = (rows: SpooledRow[]): string[] =>
  rows.filter(({ t }) => t !== 'gap' && t !== 'cursor').map(said);

const startCli = (args: string[], folder: { lake: string; spool: string }) =>
  spawn(
    path.join(projectRoot, 'node_modules/.bin/node'),
    ['ops/cli/main.ts', 'capture', '--source', 'firehose', ...args],
    {
      cwd: projectRoot,
      stdio: 'ignore',
      env: {
        ...process.env,
        FEEDTRIAL_LAKE: folder.lake,
        FEEDTRIAL_SPOOL: folder.spool,
        FEEDTRIAL_VERIFY_WORKERS: '1',
      },
    },
  );

describe.skipIf(!hasData)('capture told to stop by SIGTERM', () => {
  it('seals what it has within five seconds and ends well', async () => {
    const plc = await startPlcDouble(realDidDocuments());
    const relay = await startRelayDouble({ frames: realFrames(), delayMs: 15 });
    const config = configIn(temporaryFolder());
    const child = startCli(['--url', relay.url, '--plc-url', plc.url], config);
    try {
      const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
      await expect.poll(() => spooledRows(config.spool).length, { timeout: 60_000 }).toBeGreaterThan(10);
      const toldMs = Date.now();
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      expect(Date.now() - toldMs).toBeLessThan(5_000);
      const [seal] = readSeals(config.spool, 'firehose');
      expect(seal).toMatchObject({ recovered: false, lines: spooledRows(config.spool).length });
      expect(
        readdirSync(path.join(config.spool, 'firehose')).filter((name) => name.endsWith('.open')),
      ).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      await relay.close();
      await plc.close();
    }
  });
});

describe.skipIf(!hasData)('capture killed by SIGKILL at random moments', () => {
  it('loses nothing, and what it takes twice is the same row', async () => {
    const frames = realFrames();
    const plc = await startPlcDouble(realDidDocuments());
    const calm = await startRelayDouble({ frames });
    const relay = await startRelayDouble({ frames, delayMs: 12 });
    const folder = temporaryFolder();
    const config = configIn(path.join(folder, 'killed'), { FEEDTRIAL_VERIFY_WORKERS: '1' });
    let kills = 0;
    const reached = (): number => spooledRows(config.spool).filter(({ t }) => t !== 'gap').length;
    try {
      for (let finished = false; !finished;) {
        const child = startCli(['--url', relay.url, '--plc-url', plc.url, '--idle-exit', '2'], config);
        const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
        const before = reached();
        if (kills < 6) {
          // let it get somewhere, then strike in the middle of whatever it does
          while (reached() < Math.min(before + 10, 140) && child.exitCode === null) await wait(5);
          await wait(Math.random() * 60);
          child.kill('SIGKILL');
        }
        const [code, signal] = await exited;
        if (signal === 'SIGKILL') kills++;
        else expect(code).toBe(0);
        finished = signal === null;
      }
      const uninterrupted = configIn(path.join(folder, 'calm'), { FEEDTRIAL_VERIFY_WORKERS: '0' });
      await capture({
        config: uninterrupted,
        source: 'firehose',
        url: calm.url,
        plcUrl: plc.url,
        maxEvents: 150,
      });
      const rows = spooledRows(config.spool);
      // a line that was not the last of its frame may have been written by one life and again by the next
      const plain = (lines: string[]): string[] => [...new Set(lines)].sort();
      expect(plain(events(rows))).toEqual(plain(events(spooledRows(uninterrupted.spool))));
      expect(kills).toBe(6);
      expect(readSeals(config.spool, 'firehose').filter(({ recovered }) => recovered).length).toBeGreaterThan(
        0,
      );
      const gaps = rows.filter(({ t, kind }) => t === 'gap' && kind !== 'first_start');
      const open = new Set(gaps.map(({ gap_id }) => gap_id));
      for (const { gap_id, state } of gaps) if (state === 'closed') open.delete(gap_id);
      expect([...open]).toEqual([]);
    } finally {
      await relay.close();
      await calm.close();
      await plc.close();
    }
  });
});
