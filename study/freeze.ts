import { hash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { seedCommitment } from './commitment.ts';
import { studyErrors } from './errors.ts';
import type { StudyStore } from './store/open.ts';
import { getStudy, useStudy } from './studies.ts';

/** What a study promises, file by file: whoever has the checkout can hash it again. */
export interface Promised {
  format: 'frozen/1';
  study: string;
  /** Of the randomisation; see `seedCommitment`. */
  seed_commitment: string;
  /**
   * File of the checkout -> sha256: seeds, the SQL that ranks, filters and labels, the SQL of the outcomes, and what --outcomes named.
   * A setting that decides what SQL sees stands among them as `settings/<name>`, hashed as a file that holds it.
   */
  files: Record<string, string>;
}

export interface FrozenRecord {
  number: number;
  kind: 'freeze' | 'amendment';
  frozen_us: number;
  reason: string;
  /** Over the promise and the record before: a chain that can't be changed in the middle. */
  sha256: string;
  previous_sha256: string | null;
  promised: Promised;
  /** Against the record before. */
  changes: Change[];
}

export interface Change {
  file: string;
  what: 'added' | 'removed' | 'changed';
}

/** Folders of the checkout that decide what people see and how it is measured. */
const promisedFolders = ['seeds', 'models', 'macros'];

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(csv|sql)$/.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
}

/** The SHA-256 of every seed and SQL file below folders of a checkout, by its path from there. */
export async function hashesBelow(root: string, folders: string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const folder of folders)
    for (const file of (await filesBelow(root, folder)).sort())
      hashes[file] = hash('sha256', await readFile(path.join(root, file)));
  return hashes;
}

async function promise(
  store: StudyStore,
  study: string,
  seed: string,
  outcomes: readonly string[],
): Promise<Promised> {
  const root = store.config.projectRoot;
  const files = await hashesBelow(root, promisedFolders);
  files['settings/FEEDTRIAL_LABEL_PROFILE'] = hash('sha256', store.config.labelProfile);
  for (const file of outcomes)
    files[`outcomes/${path.basename(file)}`] = hash('sha256', await readFile(path.resolve(file)));
  return { format: 'frozen/1', study, seed_commitment: seedCommitment(study, seed), files };
}

function changesBetween(before: Promised, after: Promised): Change[] {
  const names = [...new Set([...Object.keys(before.files), ...Object.keys(after.files)])].sort();
  const seed: Change[] =
    before.seed_commitment === after.seed_commitment ? [] : [{ file: 'seed_commitment', what: 'changed' }];
  const files = names.flatMap((file): Change[] => {
    const [was, is] = [before.files[file], after.files[file]];
    if (was === is) return [];
    return [{ file, what: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed' }];
  });
  return [...seed, ...files];
}

/**
 * What was frozen and amended, in order.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function listFrozen(store: StudyStore, study = store.config.study): Promise<FrozenRecord[]> {
  await getStudy(store, study);
  const rows = await store.db
    .selectFrom('frozen')
    .selectAll()
    .where('study', '=', study)
    .orderBy('number')
    .execute();
  let before: Promised | null = null;
  return rows.map((row): FrozenRecord => {
    const promised = JSON.parse(row.promised) as Promised;
    const changes = before === null ? [] : changesBetween(before, promised);
    before = promised;
    return {
      number: Number(row.number),
      kind: row.kind,
      frozen_us: Number(row.frozen_us),
      reason: row.reason,
      sha256: row.sha256,
      previous_sha256: row.previous_sha256,
      promised,
      changes,
    };
  });
}

const digestOf = (record: {
  kind: string;
  frozen_us: number;
  reason: string;
  previous_sha256: string | null;
  promised: Promised;
}): string =>
  hash(
    'sha256',
    JSON.stringify([record.kind, record.frozen_us, record.reason, record.previous_sha256, record.promised]),
    'hex',
  );

/** Records whose hash is not what their content and the record before give; none in a store that nobody edited. */
export function brokenRecords(records: readonly FrozenRecord[]): number[] {
  return records
    .filter(
      (record, i) =>
        record.sha256 !== digestOf(record) || record.previous_sha256 !== (records[i - 1]?.sha256 ?? null),
    )
    .map((record) => record.number);
}

async function append(store: StudyStore, record: Omit<FrozenRecord, 'sha256' | 'changes'>): Promise<string> {
  const sha256 = digestOf(record);
  await store.db
    .insertInto('frozen')
    .values({
      study: record.promised.study,
      number: record.number,
      kind: record.kind,
      frozen_us: record.frozen_us,
      reason: record.reason,
      sha256,
      previous_sha256: record.previous_sha256,
      promised: JSON.stringify(record.promised),
    })
    .execute();
  return sha256;
}

export interface FreezeOptions {
  study?: string;
  /** Files that define outcomes, such as a preregistration. */
  outcomes?: readonly string[];
  now?: () => number;
}

/**
 * Pins what a study promises: arms, policies and all other seeds, the SQL that follows from them, the definitions of outcomes and the
 * randomisation's seed, by its commitment. The hash may be published.
 * @throws FeedtrialError FT_STUDY_FROZEN where it is frozen already
 */
export async function freeze(store: StudyStore, options: FreezeOptions = {}): Promise<FrozenRecord> {
  const { outcomes = [], now = Date.now } = options;
  const { study, seed } = await useStudy(store, options.study, now);
  const [first] = await listFrozen(store, study);
  if (first !== undefined) throw studyErrors.frozenAlready(study, first.sha256);
  const promised = await promise(store, study, seed, outcomes);
  const record = {
    number: 1,
    kind: 'freeze' as const,
    frozen_us: Math.round(now() * 1000),
    reason: 'frozen',
    previous_sha256: null,
    promised,
  };
  return { ...record, sha256: await append(store, record), changes: [] };
}

/**
 * What has changed since the last record, without recording it.
 * @throws FeedtrialError FT_STUDY_NOT_FROZEN
 */
export async function changedSinceFrozen(
  store: StudyStore,
  options: FreezeOptions = {},
): Promise<{ last: FrozenRecord; changes: Change[]; promised: Promised; broken: number[] }> {
  const { outcomes = [] } = options;
  const { study, seed } = await getStudy(store, options.study ?? store.config.study);
  const records = await listFrozen(store, study);
  const last = records.at(-1);
  if (last === undefined) throw studyErrors.notFrozen(study);
  const promised = await promise(store, study, seed, outcomes);
  // outcome files that aren't named again stand as they were
  for (const [file, sha256] of Object.entries(last.promised.files))
    if (file.startsWith('outcomes/')) promised.files[file] ??= sha256;
  return { last, changes: changesBetween(last.promised, promised), promised, broken: brokenRecords(records) };
}

/**
 * Records a change of what was promised, with its date and reason.
 * @throws FeedtrialError FT_STUDY_NOT_FROZEN, FT_STUDY_UNCHANGED, FT_STUDY_REASON
 */
export async function amend(
  store: StudyStore,
  options: FreezeOptions & { reason: string },
): Promise<FrozenRecord> {
  const { now = Date.now } = options;
  const reason = options.reason.trim();
  if (reason === '') throw studyErrors.noReason();
  const { last, changes, promised } = await changedSinceFrozen(store, options);
  if (changes.length === 0) throw studyErrors.nothingToAmend(promised.study);
  const record = {
    number: last.number + 1,
    kind: 'amendment' as const,
    frozen_us: Math.round(now() * 1000),
    reason,
    previous_sha256: last.sha256,
    promised,
  };
  return { ...record, sha256: await append(store, record), changes };
}
