import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  describeHolder,
  openEngine,
  openLake,
  sqlText,
  tables,
  waitForLock,
  type Engine,
  type Lake,
  backupLock,
  type Lock,
} from '../../lake/index.ts';
import { removeWarehouse, type Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { newRunId, runStage } from '../../ops/telemetry/index.ts';
import { studyErrors } from '../errors.ts';
import { takeJob } from '../jobs.ts';
import { publishRoster } from '../roster.ts';
import { getStudy } from '../studies.ts';
import type { StudyStore } from '../store/open.ts';
import { correctBackups } from './backups.ts';
import { generationFolders, noteErasure, tellServers } from './generation.ts';
import { eraseFromFile, searchLake } from './lake.ts';
import { correctManifests } from './manifests.ts';
import { makeReceipt, type Receipt, type ReceiptPlace } from './receipt.ts';
import { eraseFromChain, eraseFromSpool, findInSpool } from './spool.ts';
import { beginErasure, endErasure, eraseFromStore, noteErasureState, type OpenErasure } from './store.ts';

/** Where an erasure stands. Tests end the process at each of these, and erase again. */
export type EraseStep =
  | 'begun'
  | 'segment-rewritten'
  | 'spool-done'
  | 'generations-noted'
  | 'planned'
  | 'file-rewritten'
  | 'lake-done'
  | 'warehouse-done'
  | 'store-done'
  | 'roster-done'
  | 'searched'
  | 'done';

export interface EraseOptions {
  /** DID, participant id, panel id, or the receipt id of an erasure that was begun. */
  who: string;
  study?: string;
  /** Lands what is in the spool: then little is left there to be rewritten. */
  land?: () => Promise<unknown>;
  /** Keeps cycles away while the work is done. */
  holdCycle?: () => Promise<{ release(): Promise<void> }>;
  /** How long to wait for living writers to seal what they have open. Default 150 s. */
  patienceMs?: number;
  dag?: string;
  runId?: string;
  now?: () => number;
  onStep?: (step: EraseStep) => void;
}

const isoTime = (us: number): string => new Date(us / 1000).toISOString();

/**
 * Takes a person out of all that a study keeps: spool, lake, private lake, backups, warehouse and store, and at last looks
 * everywhere whether anything still names them. May be killed at any moment: the same call goes on where it stopped.
 * @returns the receipt
 * @throws FeedtrialError FT_STUDY_NOT_ENROLLED, FT_STUDY_UNKNOWN, FT_STUDY_ERASE_OPEN, FT_STUDY_ERASE_LANDING,
 *   FT_STUDY_ERASE_BUSY, FT_STUDY_ERASE_FOUND, FT_STUDY_JOB_HELD
 */
export async function erase(store: StudyStore, options: EraseOptions): Promise<Receipt> {
  const { config } = store;
  const { dag = 'study', runId = newRunId(), now = Date.now } = options;
  return runStage({ config, dag, runId, stage: 'erase', now }, async (stage) => {
    const { study } = await getStudy(store, options.study ?? config.study);
    const erasure = await beginErasure(store, options.who, study, now);
    options.onStep?.('begun');
    await options.land?.();
    const cycle = await options.holdCycle?.();
    const job = await takeJob(store, 'erase', { now });
    const renewal = setInterval(() => void job.renew().catch(() => undefined), 30_000);
    const locks: Lock[] = [];
    try {
      locks.push(...(await keepOthersAway(config)));
      const receipt = await eraseEverywhere(store, erasure, study, options, now);
      stage.records = receipt.places.reduce((sum, { rewritten }) => sum + rewritten, 0);
      return receipt;
    } finally {
      clearInterval(renewal);
      for (const lock of locks) lock.release();
      await job.release();
      await cycle?.release();
    }
  });
}

async function keepOthersAway({ spool, backup }: Config): Promise<Lock[]> {
  const locks: Lock[] = [];
  for (const [file, what] of [
    [path.join(spool, '_landing/lock'), 'a landing'],
    [path.join(spool, '_landing/compaction'), 'a compaction'],
    ...(backup === undefined ? [] : [[path.join(backup, backupLock), 'a backup'] as const]),
  ] as const) {
    const lock = await waitForLock(file, { waitMs: 60_000 });
    if (lock === null) {
      for (const taken of locks) taken.release();
      throw studyErrors.eraseBusy(what, describeHolder(file));
    }
    locks.push(lock);
  }
  if (existsSync(path.join(spool, '_landing/plan.json'))) {
    for (const lock of locks) lock.release();
    throw studyErrors.erasePlan();
  }
  return locks;
}

/** The lakes that may hold something of a participant, by the name that the receipt gives them. */
function lakesOf(config: Config): { place: string; lake: Lake }[] {
  return [
    { place: 'lake', lake: openLake(config.lake) },
    { place: 'private lake', lake: openLake(config.privateLake) },
    ...config.backups.map((root, i) => ({ place: `backup ${i + 1}`, lake: openLake(root) })),
    ...(config.backup === undefined ? [] : [{ place: 'backups', lake: openLake(config.backup) }]),
  ].filter(({ lake }, i, all) => all.findIndex((other) => other.lake.root === lake.root) === i);
}

async function eraseEverywhere(
  store: StudyStore,
  erasure: OpenErasure,
  study: string,
  options: EraseOptions,
  now: () => number,
): Promise<Receipt> {
  const { config } = store;
  const { patienceMs = 150_000, onStep = () => undefined } = options;
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  const progress = createProgress({ label: 'erase', unit: 'files' });
  try {
    await engine.run('SET preserve_insertion_order = true'); // a compacted day stays sorted
    erasure.handles = await handlesOf(config, engine, erasure);
    await noteErasureState(store, erasure);

    const segments = await eraseFromSpool({
      spool: config.spool,
      subject: erasure,
      patienceMs,
      onStep,
      waiting: (files) => progress.note(`waiting for ${files} open segments`),
    });
    progress.note('');
    eraseFromChain(config.spool, erasure);
    onStep('spool-done');

    for (const { place, lake } of lakesOf(config)) {
      await lake.sweep(now());
      for (const folder of await generationFolders(lake))
        await noteErasure(lake, engine, folder, erasure, Math.round(now() * 1000));
      onStep('generations-noted');
      const found = await searchLake(lake, engine, erasure);
      erasure.rewritten[place] = [
        ...new Set([...(erasure.rewritten[place] ?? []), ...found.files.keys()]),
      ].sort();
      await noteErasureState(store, erasure);
      onStep('planned');
      for (const file of found.files.keys()) {
        await eraseFromFile(lake, engine, file, erasure);
        progress.advance(1);
        onStep('file-rewritten');
      }
      await correctManifests(lake, engine, erasure.rewritten[place]);
      if (place === 'backups') await correctBackups(lake, erasure.rewritten[place]);
      await tellServers(lake, erasure.receiptId);
      await lake.purgeHistory();
      onStep('lake-done');
    }

    removeWarehouse(config);
    onStep('warehouse-done');
    await eraseFromStore(store, erasure, study);
    onStep('store-done');
    await publishRoster(store);
    await openLake(config.privateLake).purgeHistory();
    onStep('roster-done');

    const places = await searchEverywhere(config, engine, erasure, segments);
    onStep('searched');
    const doneUs = Math.round(now() * 1000);
    const { feed_context_key: studyKey } = await getStudy(store, study);
    const receipt = makeReceipt(
      {
        format: 'erasure/1',
        receipt_id: erasure.receiptId,
        study,
        subject_hash: await storedHash(store, erasure.receiptId),
        key: erasure.key,
        begun_at: isoTime(erasure.begunUs),
        done_at: isoTime(doneUs),
        places,
        not_reached: notReached(store),
      },
      studyKey,
    );
    await endErasure(store, erasure.receiptId, receipt, doneUs);
    onStep('done');
    return receipt;
  } finally {
    progress.done();
    await engine.close();
  }
}

function notReached({ place }: StudyStore): string[] {
  return [
    "what other services hold: the account's own server, the network, the survey panel",
    'copies that somebody made and neither FEEDTRIAL_BACKUPS nor FEEDTRIAL_BACKUP names',
    ...(place.kind === 'postgres'
      ? ["PostgreSQL's write-ahead log and its archives, until they are recycled"]
      : []),
  ];
}

async function storedHash(store: StudyStore, receiptId: string): Promise<string> {
  const { subject_hash } = await store.db
    .selectFrom('erasures')
    .select('subject_hash')
    .where('receipt_id', '=', receiptId)
    .executeTakeFirstOrThrow();
  return subject_hash;
}

/** Handles that the network announced for the account, and the one that it was enrolled by. */
async function handlesOf(config: Config, engine: Engine, erasure: OpenErasure): Promise<string[]> {
  const lake = openLake(config.lake);
  const files = (await lake.list(tables.identities.folder)).filter((file) => file.path.endsWith('.parquet'));
  const handles = new Set(erasure.handles.map((handle) => handle.toLowerCase()));
  for (let at = 0; at < files.length; at += 500) {
    const list = files.slice(at, at + 500).map((file) => sqlText(lake.uri(file.path)));
    const rows = await engine.rows<{ handle: string }>(
      `SELECT DISTINCT lower(handle) AS handle FROM read_parquet([${list.join(', ')}], hive_partitioning = false)
       WHERE did = ${sqlText(erasure.did)} AND handle IS NOT NULL`,
    );
    for (const { handle } of rows) handles.add(handle);
  }
  handles.delete('handle.invalid'); // what the network says of an account whose handle doesn't hold
  return [...handles].filter((handle) => handle.includes('.')).sort();
}

/** @throws FeedtrialError FT_STUDY_ERASE_FOUND where anything still names them */
async function searchEverywhere(
  config: Config,
  engine: Engine,
  erasure: OpenErasure,
  segments: number,
): Promise<ReceiptPlace[]> {
  const left = findInSpool(config.spool, erasure);
  const places: ReceiptPlace[] = [
    { place: 'spool', searched: 0, bytes: 0, rewritten: segments, unsearched: [] },
  ];
  for (const { place, lake } of lakesOf(config)) {
    const found = await searchLake(lake, engine, erasure);
    left.push(...[...found.files.keys()].map((file) => lake.uri(file)));
    places.push({
      place,
      searched: found.searched,
      bytes: found.bytes,
      rewritten: erasure.rewritten[place]?.length ?? 0,
      unsearched: found.unsearched,
    });
  }
  if (left.length > 0) throw studyErrors.eraseFound(left);
  return places;
}

/**
 * Looks for an account in everything that `erase` reaches.
 * @returns files that name it
 */
export async function searchAccount(
  config: Config,
  who: { did: string; participantId?: string; handles?: readonly string[] },
): Promise<string[]> {
  const subject = {
    receiptId: 'e_search',
    did: who.did,
    participantId: who.participantId ?? who.did,
    handles: (who.handles ?? []).map((handle) => handle.toLowerCase()),
    pseudonyms: [],
    salt: '',
  };
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const found = findInSpool(config.spool, subject);
    for (const { lake } of lakesOf(config))
      found.push(
        ...[...(await searchLake(lake, engine, subject)).files.keys()].map((file) => lake.uri(file)),
      );
    return found;
  } finally {
    await engine.close();
  }
}
