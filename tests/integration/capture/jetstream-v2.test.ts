import fs from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { land } from '../../../extract/land/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { expectedEvents, hasData } from '../../data.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledLines, startJetstreamDouble, type JetstreamDouble } from '../../relay/index.ts';
import { landed } from '../land/spooling.ts';

silenceProgress();

const path = '/xrpc/network.bsky.jetstream.subscribeEvents';
const startUs = 1_783_175_888_000_000;

let server: JetstreamDouble | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const timeOf = (us: number): string =>
  `${new Date(Math.floor(us / 1e6) * 1000).toISOString().slice(0, 19)}.${String(us % 1e6).padStart(6, '0')}Z`;
const message = (type: string, payload: object): string =>
  JSON.stringify({
    $type: 'message',
    payload: { $type: `network.bsky.jetstream.subscribeEvents#${type}`, ...payload },
  });
const at = (seq: number, did: string, us: number) => ({
  seq,
  did,
  // what an import by the operator may have made of it, and what a cursor is compared with
  time: timeOf(us - 3_600_000_000),
  witnessedAt: timeOf(us),
});
const post = (n: number, more: object = {}): string =>
  message('commit', {
    ...at(n, `did:plc:${n}`, startUs + n * 1_000_000),
    rev: '3mptbypluud2a',
    operation: 'create',
    collection: 'app.bsky.feed.post',
    rkey: `r${n}`,
    record: { $type: 'app.bsky.feed.post', text: `"witnessedAt":"${n}" 🌍 \u2028`, createdAt: '2026-07-04' },
    cid: 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i',
    ...more,
  });

/** An event of version 1 as a server of version 2 says it. */
const asVersion2 = (event: Record<string, unknown>, seq: number): string => {
  const {
    did,
    time_us: us,
    kind,
    commit,
  } = event as {
    did: string;
    time_us: number;
    kind: string;
    commit?: object;
  };
  return message(kind, { ...at(seq, did, us), ...(commit ?? { [kind]: event[kind] }) });
};

describe('a Jetstream server of version 2', () => {
  it.skipIf(!hasData)('gives the rows that one of version 1 gives', async () => {
    const events = expectedEvents();
    const rows: unknown[] = [];
    for (const version of [1, 2]) {
      const lines = events.map((event, n) =>
        version === 1 ? JSON.stringify(event) : asVersion2(event as never, n + 1),
      );
      server = await startJetstreamDouble(lines, version === 1 ? {} : { path });
      const config = configIn(temporaryFolder());
      const captured = await capture({
        config,
        source: 'jetstream',
        url: server.url,
        collections: [],
        maxEvents: lines.length,
      });
      expect(captured.rejected).toEqual({});
      expect(await land({ config })).toMatchObject({ malformed: 0, clamped: 0 });
      const found = await landed(config, ['records', 'identities', 'accounts', 'tombstones']);
      const plain = (row: object): string =>
        JSON.stringify({ ...row, segment: null, ingested_at: null }, (_key, value: unknown) =>
          typeof value === 'bigint' ? `${value}` : value,
        );
      rows.push(Object.values(found).map((of) => of.map(plain).sort()));
      expect(found.records).toHaveLength(150);
      await server.close();
    }
    expect(rows[1]).toEqual(rows[0]);
  });

  it('is asked by collection and by time, and is followed on after a disconnect', async () => {
    const lines = Array.from({ length: 60 }, (_, n) => post(n));
    server = await startJetstreamDouble(lines, { path, dropAfter: 30 });
    const config = configIn(temporaryFolder());
    const summary = await capture({
      config,
      source: 'jetstream',
      url: server.url,
      collections: ['app.bsky.feed.post', 'app.bsky.graph.*'],
      idleExitSeconds: 3,
      backoff: { firstMs: 5, capMs: 10 },
    });
    expect(summary).toMatchObject({ rejected: {}, cursor: startUs + 59_000_000 });
    expect(server.queries[0]?.getAll('collections')).toEqual(['app.bsky.feed.post', 'app.bsky.graph.*']);
    expect(server.queries.map((query) => query.get('cursor'))).toEqual([null, String(startUs + 24_000_000)]);
    const came = spooledLines(config.spool, 'jetstream').flatMap((line) => {
      const match = /^\{"i":\d+,"t":\d+,"m":(.*)\}$/s.exec(line);
      return match === null ? [] : [match[1]];
    });
    expect(came).toHaveLength(66); // five seconds of them twice, and as they came
    expect([...new Set(came)]).toEqual(lines);
  });

  it('says that it no longer has what was asked for, that a repository was reset, and what nobody knows yet', async () => {
    const config = configIn(temporaryFolder());
    const url = async (lines: string[]): Promise<string> => {
      await server?.close();
      server = await startJetstreamDouble(lines, { path });
      return server.url;
    };
    const run = async (lines: string[]) =>
      capture({ config, source: 'jetstream', url: await url(lines), maxEvents: lines.length });
    await run([post(1)]);
    const second = await run([
      message('info', { name: 'OutdatedCursor', message: 'went on from seq 7' }),
      post(7),
      message('sync', {
        ...at(8, 'did:plc:8', startUs + 8_000_000),
        sync: { did: 'did:plc:8', rev: '3mptb' },
      }),
      message('poll', at(9, 'did:plc:9', startUs + 9_000_000)),
      post(10, { operation: 'delete', record: undefined, cid: undefined }),
      '{"$type":"later","payload":{}}',
      '{"$type":"message"}',
    ]);
    expect(second).toMatchObject({
      rows: { commit: 2, sync: 1, poll: 1 },
      rejected: { malformed_frame: 2 },
      cursor: startUs + 10_000_000,
    });
    await land({ config });
    const { gaps = [], rejected = [], records = [] } = await landed(config, ['gaps', 'rejected', 'records']);
    expect(gaps).toContainEqual(
      expect.objectContaining({ kind: 'outdated_cursor', state: 'open', to_us: BigInt(startUs + 7_000_000) }),
    );
    expect(gaps).toContainEqual(expect.objectContaining({ kind: 'sync', state: 'open', did: 'did:plc:8' }));
    expect(rejected.map(({ reason }) => reason).sort()).toEqual([
      'malformed_frame',
      'malformed_frame',
      'malformed_line',
    ]);
    expect(records.map(({ rkey, operation, event_us: us }) => [rkey, operation, us]).sort()).toEqual([
      ['r1', 'create', BigInt(startUs + 1_000_000)],
      ['r10', 'delete', BigInt(startUs + 10_000_000)],
      ['r7', 'create', BigInt(startUs + 7_000_000)],
    ]);
  });

  it('ends the stream with an error: capture comes again', async () => {
    server = await startJetstreamDouble(
      [post(1), '{"$type":"error","error":"ConsumerTooSlow","message":"too far behind"}', post(2)],
      { path },
    );
    const config = configIn(temporaryFolder());
    const controller = new AbortController();
    const running = capture({
      config,
      source: 'jetstream',
      url: server.url,
      signal: controller.signal,
      backoff: { firstMs: 5, capMs: 10 },
    });
    while (server.queries.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    controller.abort();
    expect((await running).rejected).toEqual({});
  });

  it('is not asked for what a file without a number would unpack', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(`${folder}/dictionary`, 'no dictionary of zstd');
    await expect(
      capture({
        config: configIn(folder),
        source: 'jetstream',
        url: `ws://127.0.0.1:9${path}`,
        zstdDictionary: `${folder}/dictionary`,
      }),
    ).rejects.toMatchObject({ code: 'FT_CAPTURE_DICTIONARY' });
  });
});
