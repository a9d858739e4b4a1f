import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import {
  signedRepository,
  spooledRows,
  startPlcDouble,
  startRelayDouble,
  type SignedRepository,
} from '../../relay/index.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const config = (): Config => configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });

async function serversOf(frames: Buffer[], repository: SignedRepository, delayMs = 0) {
  const relay = await startRelayDouble({ frames, delayMs });
  const plc = await startPlcDouble({ [repository.did]: repository.document });
  open.push(relay, plc);
  return { url: relay.url, plcUrl: plc.url, relay };
}

const follow = async (
  own: Config,
  frames: Buffer[],
  repository: SignedRepository,
  maxEvents = frames.length,
) => {
  const { url, plcUrl } = await serversOf(frames, repository);
  return capture({
    config: own,
    source: 'firehose',
    url,
    plcUrl,
    maxEvents,
    idleExitSeconds: 10,
    sameServer: true,
  });
};
const breaks = (own: Config) => spooledRows(own.spool).filter(({ kind }) => kind === 'chain_break');
const records = (own: Config) => spooledRows(own.spool).filter(({ t }) => t === 'record');
const did = 'did:plc:cccccccccccccccccccccccc';

async function commits(repository: SignedRepository, n: number, from = 0): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for (let i = from; i < from + n; i++)
    frames.push(
      await repository
        .commit(100 + i, {
          rkey: `r${String((i * 7) % 11).padStart(4, '0')}`,
          text: i % 5 === 4 ? null : `post ${i}`,
        })
        .catch(() => repository.commit(100 + i, { rkey: `n${i}`, text: 'instead' })),
    );
  return frames;
}

describe("a repository's chain of commits", () => {
  it('is followed over restarts, and a commit that is missing queues the resync once', async () => {
    const repository = await signedRepository(did);
    const frames = await commits(repository, 30);
    const own = config();
    const first = await follow(own, frames.slice(0, 10), repository);
    expect(first.rejected).toEqual({});
    expect(first.chain).toMatchObject({ first: 1, followed: 9, breaks: 0, incomplete: 0, legacy: 0 });
    const second = await follow(own, frames.slice(10, 20), repository);
    expect(second.chain).toMatchObject({ first: 0, followed: 10, breaks: 0 });
    expect(breaks(own)).toEqual([]);
    const third = await follow(own, frames.slice(22), repository);
    expect(third.chain).toMatchObject({ followed: 7, breaks: 1 });
    expect(breaks(own)).toMatchObject([{ did, state: 'open', from_seq: 119, to_seq: 122 }]);
    expect(records(own)).toHaveLength(28);
  });

  it('goes on after a #sync without a break, and drops a commit that is sent again', async () => {
    const repository = await signedRepository(did);
    const before = await commits(repository, 3);
    await commits(repository, 2, 3); // nobody sends these
    const sync = await repository.sync(110);
    const after = await commits(repository, 2, 20);
    const own = config();
    const again = after.at(-1) as Buffer;
    const summary = await follow(own, [...before, sync, ...after, again, again], repository);
    expect(summary.chain).toMatchObject({ breaks: 0, duplicates: 2, first: 1, followed: 4 });
    expect(records(own)).toHaveLength(5);
    expect(spooledRows(own.spool).filter(({ kind }) => kind === 'sync')).toHaveLength(1);
    expect(summary.cursor).toBe(121);
  });

  it('is the same after SIGKILLs: no break where none was, none forgotten', async () => {
    const repository = await signedRepository(did);
    const frames = await commits(repository, 90);
    frames.splice(45, 2); // the one break there is
    const { url, plcUrl } = await serversOf(frames, repository, 30);
    const own = config();
    const reached = (): number => records(own).length;
    for (let kills = 0; kills < 3; kills++) {
      const child = spawn(
        path.join(projectRoot, 'node_modules/.bin/node'),
        ['ops/cli/main.ts', 'capture', '--source', 'firehose', '--url', url, '--plc-url', plcUrl],
        {
          cwd: projectRoot,
          stdio: 'ignore',
          env: {
            ...process.env,
            FEEDTRIAL_LAKE: own.lake,
            FEEDTRIAL_SPOOL: own.spool,
            FEEDTRIAL_VERIFY_WORKERS: '0',
          },
        },
      );
      const exited = once(child, 'exit');
      const before = reached();
      await expect
        .poll(() => reached() >= Math.min(before + 20, 85) || child.exitCode !== null, {
          timeout: 60_000,
          interval: 20,
        })
        .toBe(true);
      child.kill('SIGKILL');
      await exited;
    }
    await capture({ config: own, source: 'firehose', url, plcUrl, idleExitSeconds: 2 });
    expect(new Set(records(own).map(({ rev }) => rev)).size).toBe(88);
    expect(new Set(breaks(own).map(({ gap_id }) => gap_id)).size).toBe(1);
    expect(breaks(own)[0]).toMatchObject({ from_seq: 144, to_seq: 147 });
  });
});
