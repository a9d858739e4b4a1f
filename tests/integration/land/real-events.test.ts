import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { land, type Manifest } from '../../../extract/land/index.ts';
import { collectionGroup } from '../../../lake/index.ts';
import { dataFile, expectedEvents, hasData, realDidDocuments, realFrames } from '../../data.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startPlcDouble, startRelayDouble } from '../../relay/index.ts';
import {
  eventTables,
  firehoseLine,
  jetstreamLine,
  landed,
  spool,
  unlanded,
  type JetstreamEvent,
  type Rows,
} from './spooling.ts';

const events = hasData ? (expectedEvents() as unknown as JetstreamEvent[]) : [];
const counts = hasData
  ? (JSON.parse(fs.readFileSync(dataFile('firehose/manifest.json'), 'utf8')) as Record<string, number>)
  : {};

/** What a record row must say, from the event alone. */
const expectedRecords = () =>
  events
    .filter(({ kind }) => kind === 'commit')
    .map(({ did, commit }) => ({
      did,
      rev: commit?.rev,
      collection: commit?.collection,
      rkey: commit?.rkey,
      operation: commit?.operation,
      cid: commit?.cid ?? null,
      record: commit?.record ?? null,
      collection_group: collectionGroup(commit?.collection ?? ''),
      dt: '2026-07-04',
      hour: '14',
    }));

const inOrder = (rows: { did: unknown; rev: unknown; rkey: unknown }[]) =>
  rows.toSorted((a, b) =>
    JSON.stringify([a.did, a.rev, a.rkey]) < JSON.stringify([b.did, b.rev, b.rkey]) ? -1 : 1,
  );

const recordRows = (rows: Rows) =>
  rows.map(({ did, rev, collection, rkey, operation, cid, record, collection_group, dt, hour }) => ({
    did,
    rev,
    collection,
    rkey,
    operation,
    cid,
    record: record === null ? null : (JSON.parse(record as string) as unknown),
    collection_group,
    dt,
    hour,
  }));

describe.skipIf(!hasData)('150 real frames', () => {
  it('are captured over a websocket, verified, landed, and equal to what Jetstream made of them', async () => {
    const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const relay = await startRelayDouble({ frames: realFrames() });
    const plc = await startPlcDouble(realDidDocuments());
    try {
      await capture({ config, source: 'firehose', url: relay.url, plcUrl: plc.url, maxEvents: 150 });
    } finally {
      await relay.close();
      await plc.close();
    }
    const summary = await land({ config });
    expect(summary).toMatchObject({
      malformed: 0,
      clamped: 0,
      skipped: [],
      rows: { records: 150, identities: 1, accounts: 1 },
    });

    const {
      records = [],
      identities,
      accounts,
      tombstones,
      rejected,
    } = await landed(config, [...eventTables]);
    expect(inOrder(recordRows(records))).toEqual(inOrder(expectedRecords()));
    const operations = Map.groupBy(records, ({ operation }) => operation as string);
    expect(operations.get('create')).toHaveLength(counts.creates ?? NaN);
    expect(operations.get('update')).toHaveLength(counts.updates ?? NaN);
    expect(operations.get('delete')).toHaveLength(counts.deletes ?? NaN);
    expect(
      records.every(
        ({ verified, live, source }) => verified === true && live === true && source === 'firehose',
      ),
    ).toBe(true);
    const seqs = records.map(({ seq }) => Number(seq));
    expect([Math.min(...seqs), Math.max(...seqs)]).toEqual([counts.seq_first, (counts.seq_last ?? NaN) - 2]);
    expect(identities).toMatchObject([
      { did: 'did:plc:hqvhxrowqbemo5e4wjnj6zao', handle: null, seq: BigInt(counts.seq_last ?? 0) - 1n },
    ]);
    expect(accounts).toMatchObject([{ did: 'did:plc:hqvhxrowqbemo5e4wjnj6zao', active: true, status: null }]);
    expect(rejected).toEqual([]);
    // of four deletes one is of a post: the three others are no business of serving; the account came (back) to life
    expect(tombstones).toMatchObject([
      { kind: 'account', hidden: false, reason: 'account_active', uri: null },
      {
        kind: 'record',
        hidden: true,
        uri: 'at://did:plc:4smmjsqf6l5jkzczvw6vsrqc/app.bsky.feed.post/3mpt73z3ejc2p',
      },
    ]);
  });

  it('land as the same rows by way of the firehose and by way of Jetstream', async () => {
    const config = configIn(temporaryFolder());
    await spool(
      config,
      'firehose',
      'firehose/1',
      events.map((event, n) => firehoseLine(event, n + 1)),
    );
    await spool(config, 'jetstream', 'jetstream/1', events.map(jetstreamLine));
    await land({ config });
    const found = await landed(config, ['records', 'identities', 'accounts', 'tombstones']);
    for (const [table, rows] of Object.entries(found)) {
      const bySource = Map.groupBy(rows, ({ source, segment }) => (source === undefined ? segment : source));
      expect(bySource.size, table).toBe(2);
      const [one = [], other = []] = [...bySource.values()].map((of) =>
        of
          .map((row) => ({ ...row, source: null, seq: null, verified: null, segment: null }))
          .map((row) =>
            JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
          )
          .sort(),
      );
      expect(one.length, table).toBeGreaterThan(0);
      expect(other, table).toEqual(one);
    }
    expect(found.records).toHaveLength(300);
  });

  it('keep the bytes of every record, and the manifest counts every file', async () => {
    const config = configIn(temporaryFolder());
    const raw = fs.readFileSync(dataFile('firehose/expected_v1.jsonl'), 'utf8').split('\n').filter(Boolean);
    await spool(
      config,
      'jetstream',
      'jetstream/1',
      raw.map((line, n) => `{"i":${(events[n]?.time_us ?? 0) + 5},"e":${line}}`),
    );
    const { batches } = await land({ config });
    const { records = [] } = await landed(config, ['records']);
    for (const { record } of records)
      if (record !== null)
        expect(raw.some((line) => line.includes(`"record":${record as string},"cid"`))).toBe(true);

    const manifest = JSON.parse(
      fs.readFileSync(path.join(config.lake, `raw/_manifests/${batches[0]}.json`), 'utf8'),
    ) as Manifest;
    expect(manifest.segments.find(({ stream }) => stream === 'jetstream')).toMatchObject({
      lines: 152,
      format: 'jetstream/1',
    });
    expect(manifest.rows).toMatchObject({ records: 150, identities: 1, accounts: 1, tombstones: 2 });
    const inFiles = manifest.files
      .filter(({ table }) => table === 'records')
      .reduce((sum, { rows }) => sum + rows, 0);
    expect(inFiles).toBe(150);
    for (const { path: file } of manifest.files)
      expect(fs.existsSync(path.join(config.lake, file)), file).toBe(true);
    expect(unlanded(config, 'jetstream')).toEqual([]);
  });
});
