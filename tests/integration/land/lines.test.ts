import { createHash } from 'node:crypto';
import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { land } from '../../../extract/land/index.ts';
import { openSegmentWriter, tables, type Seal } from '../../../lake/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { eventTables, firehoseLine, jetstreamLine, landed, spool, type JetstreamEvent } from './spooling.ts';

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';
const noon = Date.UTC(2026, 6, 4, 12) * 1000;

const event = (n: number, record: unknown, collection = 'app.bsky.feed.post'): JetstreamEvent => ({
  did,
  time_us: noon + n,
  kind: 'commit',
  commit: { rev: `rev${n}`, operation: 'create', collection, rkey: `key${n}`, record, cid: `bafy${n}` },
});

const bytesOf = (frames: unknown[]) =>
  frames.map((frame) => Buffer.from(frame as string, 'base64').toString()).sort();

describe('a record', () => {
  it('is landed byte for byte as its line has it, whatever is in it', async () => {
    const config = configIn(temporaryFolder());
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        ',"record":{"a":1}',
        '"},"cid":"bafy0"}}}',
        '\\',
        '\u0000',
        '\u2028',
        'null',
        '}}}',
        '"record":',
      ),
    );
    const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(text, fc.constantFrom('record', 'cid', 'commit')), tie('value'), {
          maxKeys: 4,
        }),
      ),
    }));
    const records = fc.sample(
      fc.dictionary(fc.oneof(text, fc.constant('record')), anything, { maxKeys: 5 }),
      {
        numRuns: 400,
        seed: 20260704,
      },
    );
    const events = records.map((record, n) => event(n, record));
    // numbers and escapes that writing anew would change: what a server in another language may send
    const foreign = [
      '{"a":1e3}',
      '{"a":1.0,"b":"\\u0041\\/"}',
      '{"a":-0.0,"b":12345678901234567890123}',
      '{ "a" : [ ] }',
    ];
    const jetstream = [
      ...events.map(jetstreamLine),
      ...foreign.map((record, n) => jetstreamLine(event(1000 + n, 'REPLACED')).replace('"REPLACED"', record)),
    ];
    const firehose = [
      ...events.map(firehoseLine),
      ...foreign.map((record, n) =>
        firehoseLine(event(1000 + n, 'REPLACED'), n).replace('"REPLACED"', record),
      ),
    ];
    await spool(config, 'jetstream', 'jetstream/1', jetstream);
    await spool(config, 'firehose', 'firehose/1', firehose);
    expect(await land({ config })).toMatchObject({ malformed: 0, rows: { records: 808 } });
    const { records: rows = [] } = await landed(config, ['records']);
    const expected = new Map([
      ...records.map((record, n): [string, string] => [`key${n}`, JSON.stringify(record)]),
      ...foreign.map((record, n): [string, string] => [`key${1000 + n}`, record]),
    ]);
    for (const { rkey, record, source } of rows)
      expect(record, `${String(rkey)} by ${String(source)}`).toBe(expected.get(rkey as string));
  });

  it('is landed where its line has its keys in another order', async () => {
    const config = configIn(temporaryFolder());
    const { commit, ...rest } = event(1, { text: 'first', embed: { a: 1, record: { uri: 'at://x' } } });
    const { record, ...others } = commit ?? {};
    await spool(config, 'jetstream', 'jetstream/1', [
      JSON.stringify({ i: noon, e: { commit: { record, ...others }, ...rest } }),
    ]);
    const { t, ...line } = JSON.parse(firehoseLine(event(2, record), 2)) as Record<string, unknown>;
    await spool(config, 'firehose', 'firehose/1', [JSON.stringify({ record: line.record, ...line, t })]);
    await land({ config });
    const { records: rows = [] } = await landed(config, ['records']);
    expect(rows.map((row) => JSON.parse(row.record as string) as unknown)).toEqual([record, record]);
  });
});

describe('a line that is not what its format says', () => {
  it('becomes a rejected row with its bytes and leaves the others alone', async () => {
    const config = configIn(temporaryFolder());
    const good = Array.from({ length: 40 }, (_, n) => firehoseLine(event(n, { n }), n));
    const bad = [
      'garbage',
      '',
      '   ',
      '{"t":"record"',
      '{"t":"record","seq":1}',
      '{"t":"unheard-of","seq":1,"event_us":1,"ingested_at":1783000000000000,"source":"firehose"}',
      '[1]',
      '"text"',
      'null',
      '{"a":1} {"b":2}',
      '{"t":"record","text":"\u0001"}',
      '{"t":"record","text":"\\ud800"}',
      good[0]?.replace('"did:plc:', '"plc:') ?? '',
      good[0]?.replace('"create"', '"replace"') ?? '',
      good[0]?.replace(/"ingested_at":\d+/, '"ingested_at":12') ?? '',
      `carriage\rreturn`,
    ];
    const mixed = good.flatMap((line, n) => (n < bad.length ? [line, bad[n] ?? ''] : [line]));
    await spool(config, 'firehose', 'firehose/1', mixed);
    // bytes that are no UTF-8
    const writer = openSegmentWriter({ spool: config.spool, stream: 'jetstream', format: 'jetstream/1' });
    writer.append(
      Buffer.concat([Buffer.from('{"i":1,"e":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]),
      1,
      null,
    );
    writer.append(`${jetstreamLine(event(99, {}))}\n`, 1, null);
    await writer.close();

    const summary = await land({ config });
    expect(summary).toMatchObject({
      malformed: bad.length + 1,
      rows: { records: 41, rejected: bad.length + 1 },
    });
    const { rejected = [] } = await landed(config, ['rejected']);
    expect(new Set(rejected.map(({ reason }) => reason))).toEqual(new Set(['malformed_line']));
    const ofFirehose = rejected.filter(({ source }) => source === 'firehose');
    expect(bytesOf(ofFirehose.map(({ frame }) => frame))).toEqual([...bad].sort());
    expect(rejected.find(({ source }) => source === 'jetstream')?.frame).toBe(
      Buffer.concat([Buffer.from('{"i":1,"e":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]).toString(
        'base64',
      ),
    );
  });

  it('is found in whatever bytes a segment holds', async () => {
    const config = configIn(temporaryFolder());
    const lines = fc
      .sample(fc.uint8Array({ maxLength: 24 }), { numRuns: 300, seed: 4 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)));
    const writer = openSegmentWriter({ spool: config.spool, stream: 'firehose', format: 'firehose/1' });
    for (const [n, line] of lines.entries()) {
      writer.append(Buffer.concat([line, Buffer.from('\n')]), 1, null);
      if (n % 3 === 0) writer.append(`${firehoseLine(event(n, { n }), n)}\n`, 1, null);
    }
    await writer.close();
    expect(await land({ config })).toMatchObject({ malformed: 300, rows: { records: 100, rejected: 300 } });
    const { rejected = [] } = await landed(config, ['rejected']);
    expect(rejected.map(({ frame }) => frame).sort()).toEqual(
      lines.map((line) => line.toString('base64')).sort(),
    );
  });

  it('may be longer than any line should be', async () => {
    const config = configIn(temporaryFolder());
    const long = 'x'.repeat(20 << 20);
    await spool(config, 'firehose', 'firehose/1', [
      `not JSON ${long}`,
      firehoseLine(event(1, { long }), 1),
      firehoseLine(event(2, {}), 2),
    ]);
    expect(await land({ config })).toMatchObject({ malformed: 1, rows: { records: 2, rejected: 1 } });
    const { rejected } = await landed(config, ['rejected']);
    expect(rejected).toMatchObject([{ frame: null, detail: 'line 1 of a firehose/1 segment is not JSON' }]);
  });
});

describe('the hour of a row', () => {
  it('is that of its witness time in UTC, and a time that cannot be is that of ingestion', async () => {
    const config = configIn(temporaryFolder());
    const at = (iso: string) => Date.parse(iso) * 1000;
    const line = (n: number, event_us: number, ingested_at: number) =>
      firehoseLine({ ...event(n, {}), time_us: event_us }, n).replace(
        /"ingested_at":\d+/,
        `"ingested_at":${ingested_at}`,
      );
    const taken = at('2026-07-05T00:30:00Z');
    await spool(config, 'firehose', 'firehose/1', [
      line(1, at('2026-07-04T23:59:59.999Z'), taken),
      line(2, at('2026-07-05T00:00:00Z'), taken),
      line(3, at('2026-03-08T07:30:00Z'), taken), // an hour that New York skipped
      line(4, taken + 30_000_000, taken), // a clock that is half a minute ahead
      line(5, at('2031-01-01T00:00:00Z'), taken),
      line(6, at('1970-01-01T00:00:00Z'), taken),
    ]);
    expect(await land({ config })).toMatchObject({ clamped: 2, malformed: 0 });
    const { records = [] } = await landed(config, ['records']);
    const byKey = Object.fromEntries(
      records.map(({ rkey, dt, hour, event_us }): [string, string] => [
        rkey as string,
        `${String(dt)}T${String(hour)} ${String(event_us)}`,
      ]),
    );
    expect(byKey).toEqual({
      key1: `2026-07-04T23 ${at('2026-07-04T23:59:59.999Z')}`,
      key2: `2026-07-05T00 ${at('2026-07-05T00:00:00Z')}`,
      key3: `2026-03-08T07 ${at('2026-03-08T07:30:00Z')}`,
      key4: `2026-07-05T00 ${taken + 30_000_000}`,
      key5: `2026-07-05T00 ${taken}`,
      key6: `2026-07-05T00 ${taken}`,
    });
  });
});

describe('what capture and serving say beside records', () => {
  it('lands as gaps, rejected events, tombstones, exposures by position and interactions', async () => {
    const config = configIn(temporaryFolder());
    const base = { seq: 7, event_us: noon, did, ingested_at: noon, source: 'firehose' };
    const gap = {
      gap_id: 'g',
      kind: 'disconnect',
      state: 'open',
      collection: null,
      from_us: noon - 5,
      to_us: noon,
      from_seq: 6,
      to_seq: 9,
      detail: 'closed',
    };
    await spool(config, 'firehose', 'firehose/1', [
      JSON.stringify({ t: 'gap', ...base, seq: null, did: null, ...gap }),
      JSON.stringify({
        t: 'rejected',
        ...base,
        reason: 'bad_signature',
        detail: 'no',
        frame: 'AAEC',
        attempts: 2,
      }),
      JSON.stringify({ t: 'cursor', ...base, did: null }),
      ...['app.bsky.feed.post', 'app.bsky.feed.like'].map((collection) =>
        JSON.stringify({
          t: 'record',
          ...base,
          live: true,
          verified: true,
          collection,
          rkey: 'k',
          operation: 'delete',
          cid: null,
          rev: 'r',
          record: null,
        }),
      ),
      ...(
        [
          [false, 'takendown'],
          [false, null],
          [true, null],
        ] as const
      ).map(([active, status], n) =>
        JSON.stringify({ t: 'account', ...base, event_us: noon + n, active, status }),
      ),
    ]);
    await spool(config, 'jetstream', 'jetstream/1', [
      JSON.stringify({
        i: noon,
        gap: { ...gap, gap_id: 'j', did: null, source: 'jetstream', event_us: noon },
      }),
      JSON.stringify({
        i: noon,
        rejected: { reason: 'malformed_event', detail: 'no', frame: 'AAEC', attempts: 1 },
      }),
    ]);
    const answer = {
      req_id: 'a',
      served_us: noon,
      participant_id: 'p',
      feed_offset: 30,
      page_limit: 2,
      http_status: 200,
      jti_reused: false,
      latency_us: 9,
    };
    await spool(config, 'serve', 'exposures/1', [
      JSON.stringify({ t: 'exposure', ...answer, uris: ['at://one', 'at://two'] }),
      JSON.stringify({ t: 'exposure', ...answer, req_id: 'b', uris: [] }),
      JSON.stringify({
        t: 'interaction',
        received_us: noon,
        event: 'interactionSeen',
        uri: 'at://one',
        req_id: 'a',
        context_valid: true,
      }),
    ]);
    const { rows } = await land({ config });
    expect(rows).toMatchObject({
      records: 2,
      accounts: 3,
      gaps: 2,
      rejected: 2,
      tombstones: 4,
      exposures: 3,
      interactions: 1,
    });
    const found = await landed(config, [...eventTables]);
    expect(found.gaps).toMatchObject([
      {
        gap_id: 'g',
        kind: 'disconnect',
        state: 'open',
        from_seq: 6n,
        to_seq: 9n,
        source: 'firehose',
        dt: '2026-07-04',
      },
      { gap_id: 'j', source: 'jetstream' },
    ]);
    expect(found.rejected).toMatchObject([
      { did, reason: 'bad_signature', frame: 'AAEC', attempts: 2 },
      { did: null, reason: 'malformed_event', source: 'jetstream' },
    ]);
    expect(found.tombstones?.map(({ kind, uri, hidden, reason }) => ({ kind, uri, hidden, reason }))).toEqual(
      [
        { kind: 'account', uri: null, hidden: false, reason: 'account_active' },
        { kind: 'account', uri: null, hidden: true, reason: 'account_inactive' },
        { kind: 'account', uri: null, hidden: true, reason: 'account_takendown' },
        { kind: 'record', uri: `at://${did}/app.bsky.feed.post/k`, hidden: true, reason: 'record_deleted' },
      ],
    );
    expect(found.exposures?.map(({ req_id, position, uri }) => [req_id, position, uri])).toEqual([
      ['a', 31, 'at://one'],
      ['a', 32, 'at://two'],
      ['b', null, null],
    ]);
    expect(found.interactions).toMatchObject([
      { event: 'interactionSeen', uri: 'at://one', context_valid: true },
    ]);
    for (const [name, of] of Object.entries(found))
      for (const row of of)
        for (const { name: column, nullable } of tables[name as keyof typeof tables].columns)
          if (!nullable && column !== 'client') expect(row[column], `${name}.${column}`).not.toBeNull();
  });
});

it('lands a segment without lines', async () => {
  const config = configIn(temporaryFolder());
  const seal = (await spool(config, 'firehose', 'firehose/1', ['a line'])) as Seal;
  // no writer seals an empty segment; one that was made otherwise must not stop landing
  const base = `${config.spool}/firehose/${seal.id}`;
  fs.writeFileSync(`${base}.ndjson`, '');
  const empty = { ...seal, lines: 0, bytes: 0, sha256: createHash('sha256').digest('hex') };
  fs.writeFileSync(`${base}.seal.json`, JSON.stringify(empty));
  expect(await land({ config })).toMatchObject({ segments: 2, malformed: 0 });
  expect(fs.existsSync(`${base}.ndjson`)).toBe(false);
});
