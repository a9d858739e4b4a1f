import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyLake } from '../../../extract/land/index.ts';
import { decodeServing, listSealed, openEngine, openLake, readTable, tables } from '../../../lake/index.ts';
import { backup, restore } from '../../../ops/backup/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Config } from '../../../ops/config/index.ts';
import {
  checkReceipt,
  compliance,
  erase,
  listParticipants,
  openErasures,
  openStudyStore,
  readErased,
  searchAccount,
  type EraseStep,
  type StudyStore,
} from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { findPostgres, postgresMissing, startPostgres } from '../../services/postgres.ts';
import { hasVersitygw, startS3 } from '../../services/versitygw.ts';
import { fillPlaces, filesThatHold } from './erasable.ts';

if (findPostgres() === null) console.warn(`SKIPPED: erasure on PostgreSQL. ${postgresMissing}`);

const settings = (folder: string): Record<string, string> => ({
  FEEDTRIAL_BACKUPS: path.join(folder, 'backup'),
  FEEDTRIAL_BACKUP: path.join(folder, 'nightly'),
  FEEDTRIAL_LOG_LEVEL: 'silent',
});

async function openStore(config: Config): Promise<StudyStore> {
  const store = await openStudyStore(config);
  onTestFinished(() => store.close());
  return store;
}

/** Erases in a process of its own that dies at a step; what it said last. */
async function eraseUntil(config: Config, who: string, step: string): Promise<string> {
  const child = fork(path.join(import.meta.dirname, 'erasing-that-dies.ts'), [who, step], {
    execPath: process.execPath,
    execArgv: [],
    env: {
      ...process.env,
      FEEDTRIAL_LOG_LEVEL: 'silent',
      FEEDTRIAL_BACKUPS: config.backups.join(','),
      ...(config.backup === undefined ? {} : { FEEDTRIAL_BACKUP: config.backup }),
      FEEDTRIAL_LAKE: config.lake,
      FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
      FEEDTRIAL_SPOOL: config.spool,
      FEEDTRIAL_WAREHOUSE: config.warehouse,
      FEEDTRIAL_STUDY_DB: config.studyDb,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let last = '';
  child.on('message', (message: string) => (last = message));
  await once(child, 'exit');
  return last;
}

describe('erasure', () => {
  it('takes someone out of every file of every place, and leaves the others', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, settings(folder));
    const { did, names, participant, other, post } = await fillPlaces(config);
    const nightly = await backup({ config });
    const before = await filesThatHold(folder, names);
    // or the search would find nothing for want of looking
    for (const place of [
      'lake/raw/records',
      'lake/raw/rejected',
      'lake/labels',
      'lake/feeds',
      'lake/raw/exposures',
      'lake/exports',
      'private/participants',
      'private/queue',
      'spool/firehose',
      'spool/serve',
      'spool/labels',
      'study/',
      'warehouse/',
      'backup/lake',
      'backup/study.sqlite',
      `${path.relative(folder, nightly.folder)}/study.sqlite`,
      `${path.relative(folder, nightly.folder)}/private/participants`,
    ])
      expect(
        before.some((found) => found.startsWith(place)),
        place,
      ).toBe(true);

    const store = await openStore(config);
    const receipt = await erase(store, { who: did });
    expect(await filesThatHold(folder, names)).toEqual([]);
    expect(await filesThatHold(folder, [post.split('/').at(-1) as string])).toEqual([]);
    expect(await searchAccount(config, { did })).toEqual([]);

    // the receipt can be checked, by whoever has it and by who knows the account
    await checkReceipt(store, receipt, did);
    await expect(checkReceipt(store, receipt, other.did)).rejects.toMatchObject({ code: 'FT_STUDY_RECEIPT' });
    await expect(checkReceipt(store, { ...receipt, done_at: '2020' })).rejects.toMatchObject({
      code: 'FT_STUDY_RECEIPT',
    });
    expect(JSON.stringify(receipt)).not.toContain(participant.participant_id);
    expect(receipt.places.map(({ place }) => place)).toEqual([
      'spool',
      'lake',
      'private lake',
      'backup 1',
      'backups',
    ]);
    for (const { rewritten } of receipt.places) expect(rewritten).toBeGreaterThan(0);

    // the nightly copy is whole still: it can be restored, without them
    const restored = configIn(temporaryFolder(), { FEEDTRIAL_LOG_LEVEL: 'silent' });
    await restore({ config: restored, from: nightly.folder });
    const restoredStore = await openStore(restored);
    expect((await listParticipants(restoredStore)).map(({ did: each }) => each)).toEqual([other.did]);

    // what is not theirs is there
    expect((await listParticipants(store)).map(({ participant_id }) => participant_id)).toEqual([
      other.participant_id,
    ]);
    expect((await compliance(store)).reduce((sum, row) => sum + row.erased, 0)).toBe(1);
    const engine = await openEngine({ threads: 1 });
    onTestFinished(() => engine.close());
    const lake = openLake(config.lake);
    const records = await engine.rows(
      `SELECT rkey, record FROM ${readTable(lake, tables.records)} ORDER BY rkey`,
    );
    expect(records.map(({ rkey }) => rkey)).toEqual(['3klike', '3kotherpost', '3kunrelated']);
    expect(JSON.parse(String(records[1]?.record))).toMatchObject({
      text: 'hello @handle.invalid, and @handle.invalid! not joann-who-leaves.example',
    });
    const exposures = await engine.rows(
      `SELECT participant_id, position, uri FROM ${readTable(lake, tables.exposures)} ORDER BY position`,
    );
    expect(exposures).toMatchObject([
      {
        participant_id: other.participant_id,
        position: 1,
        uri: expect.stringMatching(/^at:\/\/did:erased:/) as string,
      },
      {
        participant_id: other.participant_id,
        position: 2,
        uri: `at://${other.did}/app.bsky.feed.post/3kotherpost`,
      },
    ]);
    const [labels] = await engine.rows(`SELECT count(*)::INT AS n FROM ${readTable(lake, tables.labels)}`);
    expect(labels?.n).toBe(1);
    expect((await verifyLake({ config })).problems).toEqual([]);
    for (const segment of listSealed(config.spool)) {
      const lines = readFileSync(segment.file, 'utf8').split('\n').filter(Boolean);
      expect([segment.stream, lines.length, Buffer.byteLength(readFileSync(segment.file))]).toEqual([
        segment.stream,
        segment.lines,
        segment.bytes,
      ]);
    }
    expect(existsSync(config.warehouse)).toBe(false);

    // a generation says who was taken out, to whom it was shown, and serves the others without
    const { erased } = await readErased(lake, 'feeds/generation=g1');
    expect(erased).toMatchObject([
      {
        receipt_id: receipt.receipt_id,
        feed_sha256: 'hash-of-hers',
        touched: [{ participant_id: other.participant_id, positions: [1] }],
      },
    ]);
    const serving = decodeServing((await lake.read('feeds/generation=g1/serving.arrow')) as Uint8Array);
    expect(serving.feeds.map(({ participantId, positions }) => [participantId, positions.length])).toEqual([
      [other.participant_id, 1],
    ]);
    expect(serving.uris).toEqual([`at://${other.did}/app.bsky.feed.post/3kotherpost`]);
  });

  it('that is killed at any step goes on where it stopped', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, settings(folder));
    const { did, names } = await fillPlaces(config);
    await backup({ config });
    // one erasure, killed at each kind of step: each process begins with what the one before left
    const steps: EraseStep[] = [
      'begun',
      'segment-rewritten',
      'spool-done',
      'generations-noted',
      'planned',
      'file-rewritten',
      'lake-done',
      'warehouse-done',
      'store-done',
      'roster-done',
      'searched',
    ];
    for (const step of steps) expect(await eraseUntil(config, did, step)).toBe(step);
    expect(await eraseUntil(config, did, 'nothing')).toBe('ended');
    expect(await filesThatHold(folder, names)).toEqual([]);
    expect((await verifyLake({ config })).problems).toEqual([]);
    const store = await openStore(config);
    expect(await openErasures(store, 'default')).toEqual([]);
    const row = await store.db.selectFrom('erasures').select('receipt').executeTakeFirstOrThrow();
    await checkReceipt(store, JSON.parse(row.receipt ?? '') as never, did);
    const { erased } = await readErased(openLake(config.lake), 'feeds/generation=g1');
    expect(erased).toMatchObject([{ feed_sha256: 'hash-of-hers', touched: [{ positions: [1] }] }]);
  });

  it('says what it can not reach, and does not end while a living writer holds a name', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, settings(folder));
    const { did } = await fillPlaces(config);
    const store = await openStore(config);
    const open = path.join(config.spool, 'firehose', '9999999999999-0000000000000000.open');
    writeFileSync(open, `${JSON.stringify({ did })}\n`);
    await expect(erase(store, { who: did, patienceMs: 10 })).rejects.toMatchObject({
      code: 'FT_STUDY_ERASE_OPEN',
    });
    expect((await listParticipants(store)).find((one) => one.did === did)?.status).toBe('withdrawn');
    writeFileSync(open, '');
    writeFileSync(path.join(folder, 'backup', 'old.tar.gz'), 'packed');
    const receipt = await erase(store, { who: did });
    expect(receipt.places.find(({ place }) => place === 'backup 1')?.unsearched).toEqual(['old.tar.gz']);
    await expect(erase(store, { who: did })).rejects.toMatchObject({ code: 'FT_STUDY_NOT_ENROLLED' });
  });

  it('by the command line lands what waits, leaves a receipt that it can check, and says what was done', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, settings(folder));
    const { did, names } = await fillPlaces(config);
    const study = async (...args: string[]): Promise<{ code: number | undefined; said: unknown }> => {
      const { exitCode, stdout } = await execa(
        process.execPath,
        [path.join(projectRoot, 'ops/cli/feedtrial.js'), '--json', 'study', ...args],
        {
          reject: false,
          cwd: folder,
          env: {
            ...settings(folder),
            FEEDTRIAL_LAKE: config.lake,
            FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
            FEEDTRIAL_SPOOL: config.spool,
            FEEDTRIAL_WAREHOUSE: config.warehouse,
            FEEDTRIAL_STUDY_DB: config.studyDb,
          },
        },
      );
      return { code: exitCode, said: JSON.parse(stdout) };
    };
    const receipt = path.join(folder, 'receipt.json');
    expect(await study('erase', did, '--receipt', receipt)).toMatchObject({
      code: 0,
      said: { format: 'erasure/1' },
    });
    expect(await filesThatHold(folder, names)).toEqual([]);
    expect(await study('receipt', receipt, '--did', did)).toMatchObject({
      code: 0,
      said: { valid: true, named_in: [] },
    });
    expect(await study('erasures')).toMatchObject({
      code: 0,
      said: [{ done_us: expect.any(Number) as number }],
    });
    expect(await study('erase', did)).toMatchObject({ said: { error: { code: 'FT_STUDY_NOT_ENROLLED' } } });
    writeFileSync(receipt, readFileSync(receipt, 'utf8').replace('"study": "default"', '"study": "other"'));
    expect(await study('receipt', receipt)).toMatchObject({ said: { error: { code: 'FT_STUDY_RECEIPT' } } });
  });

  it.skipIf(!hasVersitygw || findPostgres() === null)(
    'reaches every version of every object of real S3 buckets, and every row of a real PostgreSQL, killed half-way',
    async () => {
      const server = await startS3();
      onTestFinished(() => server.stop());
      const postgres = await startPostgres();
      onTestFinished(() => postgres.close());
      const folder = temporaryFolder();
      const config = configIn(folder, {
        FEEDTRIAL_LOG_LEVEL: 'silent',
        FEEDTRIAL_LAKE: `${await server.bucket('shared', { versioned: true })}/study`,
        FEEDTRIAL_PRIVATE_LAKE: await server.bucket('closed', { versioned: true }),
        FEEDTRIAL_STUDY_DB: await postgres.database(),
      });
      const { did, names, other } = await fillPlaces(config);
      const rowsThatHold = async (): Promise<string[]> => {
        const store = await openStudyStore(config);
        try {
          const found: string[] = [];
          for (const { name } of await store.db.introspection.getTables()) {
            const { rows } = await sql<{
              row: string;
            }>`select t::text as row from ${sql.table(name)} as t`.execute(store.db);
            if (rows.some(({ row }) => names.some((one) => row.includes(one)))) found.push(name);
          }
          return found;
        } finally {
          await store.close();
        }
      };
      const before = await filesThatHold(server.folder, names);
      for (const place of ['buckets/shared', 'buckets/closed'])
        expect(
          before.some((found) => found.startsWith(place)),
          place,
        ).toBe(true);
      expect(await rowsThatHold()).toContain('participants');

      for (const step of ['file-rewritten', 'store-done'])
        expect(await eraseUntil(config, did, step)).toBe(step);
      expect(await filesThatHold(server.folder, names)).not.toEqual(before);
      expect(await eraseUntil(config, did, 'nothing')).toBe('ended');

      expect(await filesThatHold(server.folder, names)).toEqual([]);
      expect(await filesThatHold(folder, names)).toEqual([]);
      expect(await rowsThatHold()).toEqual([]);
      const store = await openStore(config);
      expect((await listParticipants(store)).map(({ did: each }) => each)).toEqual([other.did]);
      const row = await store.db.selectFrom('erasures').select('receipt').executeTakeFirstOrThrow();
      await checkReceipt(store, JSON.parse(row.receipt ?? '') as never, did);
    },
  );
});
