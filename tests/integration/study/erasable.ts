import { createHash, hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import Database from 'better-sqlite3';
import {
  encodeServing,
  openEngine,
  openLake,
  openSegmentWriter,
  tables,
  writeRows,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { enroll, openStudyStore, type Arm, type Participant } from '../../../study/index.ts';
import { testDid } from './directory.ts';

const arms: Arm[] = ['engagement', 'treatment'].map((arm) => ({ arm, weight: 1, status: 'open' }));
const partition = { collection_group: 'app.bsky.feed.post', dt: '2026-07-04', hour: '12' };
const us = 1.7833e15;

/** Someone in a study, everywhere where that leaves a trace, beside someone else whose traces stay. */
export interface Erasable {
  did: string;
  participant: Participant;
  other: Participant;
  /** All that may stand for them. */
  names: string[];
  post: string;
}

const handle = 'ann-who-leaves.example';
const secondHandle = 'ann.second-name.example';

async function parquet(
  lake: Lake,
  engine: Engine,
  table: (typeof tables)[keyof typeof tables],
  keys: Record<string, string>,
  rows: Record<string, unknown>[],
  name = 'landed',
): Promise<string> {
  return (await writeRows(lake, engine, table, keys, rows, name)) ?? '';
}

/** Fills a configuration's places as the parts do. */
export async function fillPlaces(config: Config): Promise<Erasable> {
  const did = testDid(4242);
  const otherDid = testDid(77);
  const store = await openStudyStore(config);
  const { enrolled } = await enroll(store, {
    people: [
      { did, panelId: 'PANEL-4242', consent: { version: '1', givenUs: us } },
      { did: otherDid, panelId: 'PANEL-77' },
    ],
    arms,
  });
  const [participant, other] = enrolled as [Participant, Participant];
  await store.db
    .updateTable('participants')
    .set({ handle })
    .where('participant_id', '=', participant.participant_id)
    .execute();
  await store.db
    .insertInto('survey_answers')
    .values(
      ['PANEL-4242', 'PANEL-77'].map((panel_id) => ({
        study: 'default',
        wave: 'baseline',
        panel_id,
        completed_us: us,
        answers: '{}',
        imported_us: us,
      })),
    )
    .execute();
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const engine = await openEngine({ threads: 1 });
  const pid = participant.participant_id;
  const post = `at://${did}/app.bsky.feed.post/3kpostofann`;
  const otherPost = `at://${otherDid}/app.bsky.feed.post/3kotherpost`;
  const record = (by: string, rkey: string, collection: string, content: object) => ({
    did: by,
    collection,
    rkey,
    operation: 'create',
    cid: `bafy${rkey}`,
    rev: rkey,
    record: JSON.stringify(content),
    event_us: us,
    source: 'firehose',
    live: true,
    verified: true,
    ingested_at: us,
    segment: 's1',
  });
  const records = [
    record(did, '3kpostofann', 'app.bsky.feed.post', { text: 'words of ann' }),
    record(otherDid, '3kotherpost', 'app.bsky.feed.post', {
      text: `hello @${handle}, and @${secondHandle}! not joann-who-leaves.example`,
      reply: { parent: { uri: post, cid: 'bafy3kpostofann' } },
    }),
    record(otherDid, '3klike', 'app.bsky.feed.like', { subject: { uri: post, cid: 'bafy3kpostofann' } }),
    record(otherDid, '3kunrelated', 'app.bsky.feed.post', { text: 'nothing of her' }),
  ];
  try {
    const recordsFile = await parquet(lake, engine, tables.records, partition, records);
    await lake.write(
      'raw/_manifests/batch.json',
      JSON.stringify({
        batch: 'batch',
        segments: [],
        files: [{ table: 'records', path: recordsFile, rows: records.length }],
        rows: { records: records.length },
        malformed: 0,
        clamped: 0,
      }),
    );
    await lake.write(
      'raw/_compactions/day.json',
      JSON.stringify({
        id: 'day',
        table: 'records',
        folder: path.dirname(recordsFile),
        state: 'done',
        sources: [{ path: `${path.dirname(recordsFile)}/gone.parquet`, rows: records.length }],
        target: { path: recordsFile, rows: records.length },
        planned_ms: 1,
        switched_ms: 2,
        done_ms: 3,
      }),
    );
    const { dt, hour } = partition;
    const identity = (by: string, name: string) => ({
      did: by,
      handle: name,
      event_us: us,
      source: 'firehose',
      ingested_at: us,
      segment: 's1',
    });
    await parquet(lake, engine, tables.identities, { dt, hour }, [
      identity(did, handle),
      identity(did, secondHandle),
      identity(otherDid, 'bob.example'),
    ]);
    await parquet(lake, engine, tables.rejected, { dt, hour }, [
      {
        reason: 'bad_signature',
        frame: Buffer.from(`\u0001\u0002 ${did} \u0003`).toString('base64'),
        attempts: 1,
        event_us: us,
        source: 'firehose',
        ingested_at: us,
        segment: 's1',
      },
    ]);
    const label = (uri: string) => ({
      uri,
      cid: 'bafy',
      version: '1',
      label: 'toxic',
      score: 0.5,
      status: 'ok',
      attempt: 1,
      run_id: 'r',
      labelled_at: us,
    });
    await parquet(lake, engine, tables.labels, { labeler: 'starter', dt }, [label(post), label(otherPost)]);
    await parquet(lake, engine, tables.tombstones, { dt, hour }, [
      { kind: 'record', did, uri: post, hidden: true, reason: 'record_deleted', event_us: us, segment: 's' },
      { kind: 'account', did: otherDid, hidden: false, reason: 'account_active', event_us: us, segment: 's' },
    ]);
    const exposure = (who: string, position: number, uri: string) => ({
      req_id: `r-${who}`,
      served_us: us,
      participant_id: who,
      study: 'default',
      feed_offset: 0,
      page_limit: 50,
      position,
      uri,
      jti_reused: false,
      http_status: 200,
      latency_us: 1,
      segment: 's',
    });
    await parquet(lake, engine, tables.exposures, { dt, hour }, [
      exposure(pid, 1, otherPost),
      exposure(other.participant_id, 1, post),
      exposure(other.participant_id, 2, otherPost),
    ]);
    await parquet(lake, engine, tables.interactions, { dt, hour }, [
      {
        received_us: us,
        participant_id: pid,
        event: 'interactionSeen',
        uri: otherPost,
        context_valid: true,
        segment: 's',
      },
      {
        received_us: us,
        participant_id: other.participant_id,
        event: 'interactionSeen',
        uri: post,
        context_valid: true,
        segment: 's',
      },
    ]);
    const feed = (who: string, position: number, uri: string, author: string) => ({
      participant_id: who,
      arm: 'treatment',
      policy: 'treatment',
      policy_version: '1',
      position,
      uri,
      cid: `bafy-${uri.slice(-5)}`,
      author_did: author,
      event_us: us,
      score: 1,
      candidate_source: 'fresh',
      is_in_network: false,
      served_before: false,
      position_before_shuffle: position,
      shuffle_offset: 0,
      propensity: 1,
    });
    const folder = 'feeds/generation=g1';
    const local = await parquet(
      lake,
      engine,
      tables.feeds,
      { generation: 'g1' },
      [
        feed(pid, 1, otherPost, otherDid),
        feed(other.participant_id, 1, post, did),
        feed(other.participant_id, 2, otherPost, otherDid),
      ],
      'feeds',
    );
    if (local !== `${folder}/positions/feeds.parquet`) throw new Error(`the feeds are at ${local}`);
    await lake.write(
      `${folder}/manifest.json`,
      JSON.stringify({
        generation: 'g1',
        as_of_us: us,
        participants: { [pid]: 'hash-of-hers', [other.participant_id]: 'hash-of-his' },
      }),
    );
    await lake.write(`${folder}/published.json`, JSON.stringify({ published_us: us }));
    await lake.write(`${folder}/inputs/seeds/excludelist.csv`, `did,reason\n${did},test\n${otherDid},test\n`);
    await lake.write(
      `${folder}/serving.arrow`,
      encodeServing({
        generation: 'g1',
        uris: [post, otherPost],
        feeds: [
          {
            participantId: pid,
            arm: 'treatment',
            policy: 'treatment',
            policyVersion: '1',
            positions: Uint32Array.of(1),
          },
          {
            participantId: other.participant_id,
            arm: 'treatment',
            policy: 'treatment',
            policyVersion: '1',
            positions: Uint32Array.of(0, 1),
          },
        ],
      }),
    );
    await lake.write('exports/release=1/notes.json', JSON.stringify({ mailed: handle.toUpperCase() }));
    const likes = path.join(engine.scratch, 'likes.parquet');
    await engine.run(
      `COPY (SELECT * FROM (VALUES ('${pid}', '${otherPost}'), ('${other.participant_id}', '${post}')) AS likes (participant_id, uri)) TO '${likes}' (FORMAT parquet)`,
    );
    await privateLake.adopt(likes, 'queue/publish=1/similarity_likes.parquet');

    // what living parts write before it lands
    const spooled = async (stream: string, format: string, lines: object[]): Promise<void> => {
      const writer = openSegmentWriter({ spool: config.spool, stream, format });
      writer.append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), lines.length, 1);
      await writer.close();
    };
    await spooled('firehose', 'firehose/1', [
      { did, time_us: us, kind: 'commit' },
      { did: otherDid, time_us: us, kind: 'commit', record: { subject: { uri: post } } },
    ]);
    await spooled('serve', 'exposures/1', [
      { t: 'exposure', req_id: 'a', participant_id: pid, uris: [otherPost], positions: [1] },
      {
        t: 'exposure',
        req_id: 'b',
        participant_id: other.participant_id,
        uris: [post, otherPost],
        positions: [1, 2],
      },
    ]);
    await spooled('labels/starter-0of1', 'labels/1', [
      { kind: 'value', ...label(post) },
      { kind: 'value', ...label(otherPost) },
    ]);
    fs.mkdirSync(path.join(config.spool, 'chain'), { recursive: true });
    const chain = new Database(path.join(config.spool, 'chain', 'repositories.sqlite'));
    chain.exec('CREATE TABLE repositories (did BLOB PRIMARY KEY, rev TEXT) WITHOUT ROWID');
    for (const one of [did, otherDid])
      chain
        .prepare('INSERT INTO repositories VALUES (?, ?)')
        .run(hash('sha256', one, 'buffer').subarray(0, 8), 'rev');
    chain.close();

    // dbt's file, and its compiled SQL
    fs.mkdirSync(path.join(path.dirname(config.warehouse), 'feedtrial.dbt', 'target'), { recursive: true });
    const warehouse = await DuckDBInstance.create(config.warehouse);
    const connection = await warehouse.connect();
    await connection.run(`CREATE TABLE participants AS SELECT '${did}' AS did`);
    connection.closeSync();
    warehouse.closeSync();
    fs.writeFileSync(path.join(path.dirname(config.warehouse), 'feedtrial.dbt', 'target', 'x.sql'), did);

    // copies that an operator keeps
    const [backup] = config.backups;
    if (backup !== undefined) {
      fs.cpSync(config.lake, path.join(backup, 'lake'), { recursive: true });
      fs.cpSync(config.privateLake, path.join(backup, 'private'), { recursive: true });
      const kept = path.join(backup, 'study.sqlite');
      if (store.place.kind === 'sqlite') {
        const source = new Database(store.place.file, { readonly: true });
        await source.backup(kept);
        source.close();
      }
    }
  } finally {
    await engine.close();
    await store.close();
  }
  return {
    did,
    participant,
    other,
    post,
    names: [did, pid, handle, secondHandle, 'PANEL-4242', 'words of ann'],
  };
}

/**
 * Looks for texts in every file below a folder, by other means than erasure does: the bytes of each, every value of each Parquet
 * file, base64 in them unpacked, and every page of each database.
 */
export async function filesThatHold(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const engine = await openEngine({ threads: 1 });
  const walk = (at: string): string[] =>
    fs.existsSync(at)
      ? fs.readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
          const full = path.join(at, entry.name);
          return entry.isDirectory() ? walk(full) : [full];
        })
      : [];
  const holds = (text: string): string | undefined => {
    const lower = text.toLowerCase();
    return names.find((name) => {
      const at = lower.indexOf(name.toLowerCase());
      if (at === -1) return false;
      return !/[a-z0-9]/.test(lower[at - 1] ?? ' ') || name.includes(':'); // not within another name
    });
  };
  try {
    for (const file of walk(folder)) {
      let text = fs.readFileSync(file).toString('latin1');
      if (file.endsWith('.parquet')) {
        const rows = await engine.rows(`SELECT * FROM read_parquet('${file}', hive_partitioning = false)`);
        text += JSON.stringify(rows, (_key, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
      }
      for (const [packed] of text.matchAll(/[A-Za-z0-9+/]{40,}={0,2}/g))
        text += Buffer.from(packed, 'base64').toString('latin1');
      const name = holds(text);
      if (name !== undefined) found.push(`${path.relative(folder, file)} holds '${name}'`);
    }
  } finally {
    await engine.close();
  }
  return found;
}

/** A digest of all files below a folder by name and content, to see whether anything changed. */
export function digestOf(folder: string): string {
  const digest = createHash('sha256');
  const walk = (at: string): void => {
    for (const entry of fs
      .readdirSync(at, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const full = path.join(at, entry.name);
      if (entry.isDirectory()) walk(full);
      else digest.update(full).update(fs.readFileSync(full));
    }
  };
  walk(folder);
  return digest.digest('hex');
}
