import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { capture, type CaptureOptions, frameType, parseFrame } from '../../../extract/capture/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows, startSyntheticServers } from '../../relay/index.ts';

silenceProgress();

async function servers(options: Parameters<typeof startSyntheticServers>[0]) {
  const started = await startSyntheticServers(options);
  onTestFinished(() => started.close());
  return started;
}

describe('capture from a synthetic relay', () => {
  it('takes every operation, verified, in order, and rejects none', async () => {
    const { relay, directory, events } = await servers({ accounts: 20, events: 800 });
    const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const summary = await capture({
      config,
      source: 'firehose',
      url: relay.url,
      plcUrl: directory.url,
      collections: [],
      maxEvents: 800,
    });
    expect(summary).toMatchObject({ events: 800, rejected: {}, disagreements: 0, cursor: 800 });
    const rows = spooledRows(config.spool).filter(({ t }) => t === 'record');
    expect(rows.every(({ verified }) => verified)).toBe(true);
    const said = events.flatMap(({ seq, did, operations }) =>
      operations.map(({ action, collection, rkey }) => ({ seq, did, operation: action, collection, rkey })),
    );
    expect(
      rows.map(({ seq, did, operation, collection, rkey }) => ({ seq, did, operation, collection, rkey })),
    ).toEqual(said);
    expect(directory.asked).toBeLessThanOrEqual(20 * 2);
  });

  it('goes on after a cursor', async () => {
    const { relay, directory } = await servers({ accounts: 5, events: 300 });
    const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const taken: CaptureOptions = {
      config,
      source: 'firehose',
      url: relay.url,
      plcUrl: directory.url,
      collections: [],
    } as const;
    await capture({ ...taken, maxEvents: 120 });
    const second = await capture({ ...taken, maxEvents: 180 });
    expect(second).toMatchObject({ events: 180, cursor: 300 });
    const rows = spooledRows(config.spool).filter(({ t }) => t === 'gap');
    expect(rows.at(-1)).toMatchObject({ state: 'closed', from_seq: 120, to_seq: 121 });
  });
});

/** Types and names of what a relay sends on a connection until it ends it, or until enough came. */
function received(url: string, enough: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const types: string[] = [];
    const socket = new WebSocket(url);
    socket.on('message', (data: Buffer) => {
      const frame = parseFrame(data);
      const name = frame.body.error ?? frame.body.name;
      types.push(typeof name === 'string' ? name : frameType(frame));
      if (types.length === enough) socket.terminate();
    });
    socket.on('close', () => resolve(types));
    socket.on('error', reject);
  });
}

describe('a synthetic relay', () => {
  it('keeps to its rate', async () => {
    const { relay } = await servers({ accounts: 3, events: 400, rate: 200 });
    const stream = `${relay.url}/xrpc/com.atproto.sync.subscribeRepos`;
    const beganMs = performance.now();
    await received(stream, 100);
    expect(performance.now() - beganMs).toBeGreaterThan(480); // 100 events at 200 a second; a slow machine takes longer
  });

  it('says so to a consumer whose cursor it has no more, or does not have yet', async () => {
    const { relay } = await servers({ accounts: 3, events: 400, windowBytes: 100_000 });
    const stream = `${relay.url}/xrpc/com.atproto.sync.subscribeRepos`;
    const all = await received(stream, 400);
    expect(all).toHaveLength(400);
    expect((await received(`${stream}?cursor=1`, 2))[0]).toBe('OutdatedCursor');
    expect(await received(`${stream}?cursor=401`, 2)).toEqual(['FutureCursor']);
  });
});

describe('feedtrial rehearse relay', () => {
  it('says which port is taken', async () => {
    const { relay } = await servers({ accounts: 1, events: 1 });
    const { port } = new URL(relay.url);
    const { status, stderr } = spawnSync(
      path.join(projectRoot, 'node_modules/.bin/node'),
      [path.join(projectRoot, 'ops/cli/main.ts'), 'rehearse', 'relay', '--port', port, '--events', '1'],
      { cwd: temporaryFolder(), encoding: 'utf8', timeout: 60_000 },
    );
    expect(stderr).toContain(`FT_REHEARSE_PORT: port ${port}`);
    expect(status).toBe(2);
  });

  it('serves a network that the printed capture takes, and ends by itself', async () => {
    const folder = temporaryFolder();
    const child = spawn(
      path.join(projectRoot, 'node_modules/.bin/node'),
      [
        path.join(projectRoot, 'ops/cli/main.ts'),
        ...['rehearse', 'relay', '--events', '200', '--accounts', '5', '--rate', '2000'],
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let said = '';
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`it ended early: ${said}`)));
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString();
        if (said.includes('--max-events')) resolve();
      });
    });
    const [, url, plcUrl] = /--url (\S+) --plc-url (\S+)/.exec(said) ?? [];
    const config = configIn(folder, { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const summary = await capture({
      config,
      source: 'firehose',
      url,
      plcUrl,
      collections: [],
      maxEvents: 200,
    });
    expect(summary).toMatchObject({ events: 200, rejected: {} });
    expect(await exited).toBe(0);
    expect(said).toContain('200 events sent');
  });
});
