import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeFirst } from '@atcute/cbor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import {
  planNetwork,
  populate,
  serviceToken,
  startNetwork,
  startRestampingRelay,
  type Network,
  type Population,
} from '../../network/index.ts';
import { xrpc } from '../../network/xrpc.ts';
import { temporaryFolder } from '../../folders.ts';

// the first hours of the plan: enough for every kind of commit, in a few seconds
const whole = planNetwork();
const plan = {
  ...whole,
  accounts: whole.accounts.slice(0, 12),
  sessions: whole.sessions
    .filter((session) => session.account < 12)
    .map((session) => ({
      ...session,
      writes: session.writes.filter((write) =>
        write.kind === 'profile'
          ? true
          : write.kind === 'post' &&
            whole.posts[write.post]?.replyTo === undefined &&
            whole.posts[write.post]?.quote === undefined,
      ),
    }))
    .filter((session) => session.writes.length > 0)
    .slice(0, 30),
  leaving: [11],
};

/** Addresses that a process listens on, from the kernel's own tables. */
function listeningAddresses(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [/socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? ''];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === '0A' && sockets.has(columns[9] ?? ''))
      .map((columns) => (columns[1] ?? '').split(':')[0] ?? ''),
  );
}

describe('the miniature network', () => {
  let folder: string;
  let network: Network;
  let population: Population;
  const endUs = Date.parse('2026-05-05T12:00:00Z') * 1000;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
    network = await startNetwork({ folder });
    population = await populate({ plan, pdsUrl: network.pdsUrl, endUs });
  });
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.skipIf(!existsSync('/proc/net/tcp'))('listens on 127.0.0.1 and nowhere else', () => {
    const addresses = listeningAddresses(network.pid);
    expect(addresses.length).toBeGreaterThanOrEqual(2);
    expect(new Set(addresses)).toEqual(new Set(['0100007F']));
  });

  test('holds what the plan says, dated by the plan', async () => {
    const first = plan.sessions.flatMap((session) => session.writes).find((write) => write.kind === 'post');
    const planned = whole.posts[first?.kind === 'post' ? first.post : 0];
    const written = population.posts[planned?.id ?? 0];
    const [, , did, collection, rkey] = written?.uri.split('/') ?? [];
    const record = await xrpc<{ value: { text: string; createdAt: string } }>(
      network.pdsUrl,
      'com.atproto.repo.getRecord',
      {
        query: { repo: did ?? '', collection: collection ?? '', rkey: rkey ?? '' },
      },
    );
    expect(record.value.text).toBe(planned?.text);
    expect(Date.parse(record.value.createdAt) * 1000).toBe(
      population.windowStartUs + (planned?.second ?? 0) * 1e6,
    );
  });

  test('signs service tokens for its accounts', async () => {
    const account = population.accounts[0];
    if (!account) throw new Error('no account');
    const token = await serviceToken(
      network.pdsUrl,
      account,
      'did:web:feed.test',
      'app.bsky.feed.getFeedSkeleton',
    );
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >;
    expect(claims).toMatchObject({
      iss: account.did,
      aud: 'did:web:feed.test',
      lxm: 'app.bsky.feed.getFeedSkeleton',
    });
  });

  describe('through the relay', () => {
    interface Seen {
      seq: number;
      time: string;
      repo?: string;
      rev?: string;
    }
    const read = (url: string, query: string, enough: (seen: Seen[]) => boolean): Promise<Seen[]> =>
      new Promise((resolve, reject) => {
        const seen: Seen[] = [];
        const socket = new WebSocket(`${url}/xrpc/com.atproto.sync.subscribeRepos${query}`);
        socket.on('error', reject);
        socket.on('message', (data: Buffer) => {
          const [header, rest] = decodeFirst(data) as [{ op: number }, Uint8Array];
          seen.push(header.op === 1 ? (decodeFirst(rest)[0] as Seen) : { seq: -1, time: '' });
          if (enough(seen)) socket.terminate();
        });
        socket.on('close', () => {
          resolve(seen);
        });
      });

    test('comes in the order of seq, every commit at its planned time, and from a cursor on', async () => {
      const relay = await startRestampingRelay({ pdsUrl: network.pdsUrl, population });
      try {
        await relay.caughtUp;
        const total = relay.frames();
        const all = await read(relay.url, '', (seen) => seen.length === total);
        expect(all.map((event) => event.seq)).toEqual(
          [...all.map((event) => event.seq)].sort((a, b) => a - b),
        );
        expect(all.map((event) => event.time)).toEqual([...all.map((event) => event.time)].sort());
        const planned = all.filter((event) =>
          population.timeOfCommit.has(`${event.repo ?? ''}/${event.rev ?? ''}`),
        );
        expect(planned).toHaveLength(plan.sessions.length);
        for (const event of planned)
          expect(Date.parse(event.time) * 1000).toBe(
            population.timeOfCommit.get(`${event.repo ?? ''}/${event.rev ?? ''}`),
          );

        const half = all[Math.floor(total / 2)];
        const rest = await read(
          relay.url,
          `?cursor=${half?.seq ?? 0}`,
          (seen) => seen.length === total - Math.floor(total / 2) - 1,
        );
        expect(rest).toEqual(all.slice(Math.floor(total / 2) + 1));
        expect(await read(relay.url, '?cursor=999999999', () => false)).toEqual([{ seq: -1, time: '' }]);
      } finally {
        await relay.close();
      }
    });
  });
});

test('a closed network leaves no process and no file', async () => {
  const folder = temporaryFolder();
  const network = await startNetwork({ folder });
  await network.close();
  await network.close();
  expect(readdirSync(folder)).toEqual([]);
  expect(() => process.kill(network.pid, 0)).toThrow();
});

test('a network whose starter was killed ends by itself and leaves no file', async () => {
  const folder = temporaryFolder();
  const start = path.join(import.meta.dirname, '../../network/start.ts');
  const script = `
    const { startNetwork } = await import(${JSON.stringify(start)});
    const network = await startNetwork({ folder: ${JSON.stringify(folder)} });
    console.log(network.pid);
    setInterval(() => {}, 1000);
  `;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(starter.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  process.kill(pid, 0); // it is there
  starter.kill('SIGKILL');
  await expect
    .poll(
      () => {
        try {
          process.kill(pid, 0);
          return 'running';
        } catch {
          return 'gone';
        }
      },
      { timeout: 60_000 },
    )
    .toBe('gone');
  expect(readdirSync(folder)).toEqual([]);
});
