import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { readSeals } from '../../../lake/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledLines, startJetstreamDouble, type JetstreamDouble } from '../../relay/index.ts';

silenceProgress();

let server: JetstreamDouble | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

const second = 1_000_000;
const startUs = 1_783_175_888_000_000;
const event = (n: number): string =>
  JSON.stringify({
    did: `did:plc:${n}`,
    time_us: startUs + n * second,
    kind: n % 7 === 0 ? 'identity' : 'commit',
    // what a fast reader could mistake for the event's own time
    commit: { record: { text: `"time_us":${n} 🌍 \u2028`, time_us: 5 } },
  });

describe('Jetstream', () => {
  it('events come compressed where the dictionary of the server is given, and are the same in the spool', async () => {
    const lines = Array.from({ length: 300 }, (_, n) => event(n));
    const folder = temporaryFolder();
    const dictionary = Buffer.from(event(1).repeat(40));
    fs.writeFileSync(`${folder}/dictionary`, dictionary);
    fs.writeFileSync(`${folder}/another`, 'a dictionary that the server does not have'.repeat(40));
    server = await startJetstreamDouble(lines, { dictionary });
    const run = (name: string, spool: string) =>
      capture({
        config: configIn(path.join(folder, spool)),
        source: 'jetstream',
        url: server?.url,
        zstdDictionary: `${folder}/${name}`,
        maxEvents: 300,
      });
    expect(await run('dictionary', 'a')).toMatchObject({ events: 300, rejected: {} });
    expect(server.queries[0]?.get('compress')).toBe('true');
    const spooled = spooledLines(`${folder}/a/spool`, 'jetstream').filter((line) => line.includes('"e":'));
    expect(spooled.map((line) => line.replace(/^\{"i":\d+,"e":(.*)\}$/s, '$1'))).toEqual(lines);
    expect(await run('another', 'b')).toMatchObject({ events: 300, rejected: { malformed_frame: 300 } });
    await expect(run('none', 'c')).rejects.toMatchObject({ code: 'FT_CAPTURE_DICTIONARY' });
  });

  it('events go to the spool as they came, with when they came', async () => {
    const lines = Array.from({ length: 500 }, (_, n) => event(n));
    server = await startJetstreamDouble(lines);
    const config = configIn(temporaryFolder());
    const summary = await capture({
      config,
      source: 'jetstream',
      url: server.url,
      collections: ['app.bsky.feed.post', 'app.bsky.graph.*'],
      maxEvents: 500,
    });
    expect(summary).toMatchObject({ events: 500, rejected: {}, cursor: startUs + 499 * second });
    expect(server.queries[0]?.getAll('wantedCollections')).toEqual([
      'app.bsky.feed.post',
      'app.bsky.graph.*',
    ]);
    const spooled = spooledLines(config.spool, 'jetstream').filter((line) => line.includes('"e":'));
    expect(spooled.map((line) => line.replace(/^\{"i":\d+,"e":(.*)\}$/s, '$1'))).toEqual(lines);
    expect(readSeals(config.spool, 'jetstream').at(-1)).toMatchObject({
      format: 'jetstream/1',
      cursor: summary.cursor,
    });
  });

  it('after a disconnect it asks for a few seconds before what it had, and loses nothing', async () => {
    const lines = Array.from({ length: 60 }, (_, n) => event(n));
    server = await startJetstreamDouble(lines, { dropAfter: 30 });
    const config = configIn(temporaryFolder());
    await capture({
      config,
      source: 'jetstream',
      url: server.url,
      idleExitSeconds: 3,
      backoff: { firstMs: 5, capMs: 10 },
    });
    expect(server.queries.map((query) => query.get('cursor'))).toEqual([null, String(startUs + 24 * second)]);
    const rows = spooledLines(config.spool, 'jetstream').map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    const dids = rows.flatMap(({ e }) => (e === undefined ? [] : [(e as { did: string }).did]));
    expect([...new Set(dids)]).toEqual(Array.from({ length: 60 }, (_, n) => `did:plc:${n}`));
    const gaps = rows.flatMap(({ gap }) => (gap === undefined ? [] : [gap as Record<string, unknown>]));
    expect(gaps).toMatchObject([
      { kind: 'first_start', state: 'open', source: 'jetstream' },
      { kind: 'first_start', state: 'open', to_us: startUs },
      { kind: 'disconnect', state: 'open', from_us: startUs + 29 * second },
      { kind: 'disconnect', state: 'closed' },
    ]);
  });

  it('what is not an event is kept apart, and never breaks a line', async () => {
    const wrong = [
      '{"did":"did:plc:x","time_us":1,', // half an event
      'null',
      '{"kind":"commit","did":"did:plc:x"}', // no time
      '{\n"did":"did:plc:x","time_us":2,"kind":"commit"}',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), // no UTF-8
    ];
    server = await startJetstreamDouble([event(1), ...wrong, event(2)]);
    const config = configIn(temporaryFolder());
    const summary = await capture({ config, source: 'jetstream', url: server.url, maxEvents: 7 });
    expect(summary.rejected).toEqual({ malformed_frame: 5 });
    const rows = spooledLines(config.spool, 'jetstream').map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    expect(rows.filter(({ e }) => e !== undefined)).toHaveLength(2);
    const kept = rows.flatMap(({ rejected }) =>
      rejected === undefined ? [] : [Buffer.from((rejected as { frame: string }).frame, 'base64')],
    );
    expect(kept).toEqual(wrong.map((bytes) => Buffer.from(bytes)));
  });
});
