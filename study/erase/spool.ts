import { createHash, hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { waitForLock, writeDurably, type Lock } from '../../lake/index.ts';
import { studyErrors } from '../errors.ts';
import { exactNames, mentions, scrub, uriPrefix, type Subject } from './subject.ts';

const sealSuffix = '.seal.json';
const dataSuffix = '.ndjson';
const openSuffix = '.open';

/** Folders that hold segments: the streams, and the labelers' journals one level below. */
function segmentFolders(spool: string): string[] {
  if (!fs.existsSync(spool)) return [];
  const folders: string[] = [];
  for (const entry of fs.readdirSync(spool, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = path.join(spool, entry.name);
    if (entry.name === 'labels')
      for (const below of fs.readdirSync(folder, { withFileTypes: true })) {
        if (below.isDirectory()) folders.push(path.join(folder, below.name));
      }
    else folders.push(folder);
  }
  return folders;
}

/** Whether a line of a segment is theirs, and goes; others that name them are scrubbed and stay. */
function isTheirs(subject: Subject, line: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return true; // no line of ours: nothing can be said of it but that it names them
  }
  if (typeof value !== 'object' || value === null) return true;
  const { did, repo, participant_id, uri, uris, frame } = value as Record<string, unknown>;
  const names = exactNames(subject);
  if ([did, repo, participant_id].some((owner) => typeof owner === 'string' && names.includes(owner)))
    return true;
  if (typeof frame === 'string' && Buffer.from(frame, 'base64').includes(subject.did)) return true;
  const ofOthers = typeof participant_id === 'string' || Array.isArray(uris);
  return !ofOthers && typeof uri === 'string' && (uri.startsWith(uriPrefix(subject)) || uri === subject.did);
}

const namesIn = (subject: Subject, line: string): boolean => {
  if (mentions(subject, line)) return true;
  if (!line.includes('"frame"')) return false;
  try {
    const { frame } = JSON.parse(line) as { frame?: unknown };
    return typeof frame === 'string' && Buffer.from(frame, 'base64').includes(subject.did);
  } catch {
    return false;
  }
};

/** Files of segments that name them; half a line at the end of one that is being written counts, too. */
export function findInSpool(spool: string, subject: Subject): string[] {
  const found: string[] = [];
  for (const folder of segmentFolders(spool))
    for (const name of fs.readdirSync(folder)) {
      if (!name.endsWith(dataSuffix) && !name.endsWith(openSuffix)) continue;
      const file = path.join(folder, name);
      const content = readIfThere(file);
      if (content?.split('\n').some((line) => namesIn(subject, line)) === true) found.push(file);
    }
  return found;
}

function readIfThere(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // sealed or landed meanwhile
    throw error;
  }
}

/**
 * Takes them out of a sealed segment. The new lines go beside the old, then the seal says what they are, then they take
 * their name: killed in between, the segment doesn't match its seal, and the next erasure finds the new lines and finishes.
 */
function rewriteSegment(file: string, subject: Subject): void {
  const base = file.slice(0, -dataSuffix.length);
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const kept = lines.flatMap((line) => {
    if (!namesIn(subject, line)) return [line];
    return isTheirs(subject, line) ? [] : [scrub(subject, line)];
  });
  const content = kept.map((line) => `${line}\n`).join('');
  const next = `${base}.erasing`;
  writeDurably(next, content);
  finishSegment(base);
}

function finishSegment(base: string): void {
  const content = fs.readFileSync(`${base}.erasing`);
  const seal = JSON.parse(fs.readFileSync(base + sealSuffix, 'utf8')) as Record<string, unknown>;
  const lines = content.reduce((n, byte) => n + (byte === 0x0a ? 1 : 0), 0);
  const sha256 = createHash('sha256').update(content).digest('hex');
  writeDurably(base + sealSuffix, JSON.stringify({ ...seal, lines, bytes: content.length, sha256 }));
  fs.renameSync(`${base}.erasing`, base + dataSuffix);
}

export interface SpoolOptions {
  spool: string;
  subject: Subject;
  /** How long to wait for living writers to seal what they have open. */
  patienceMs: number;
  onStep: (step: 'segment-rewritten') => void;
  waiting?: (files: number) => void;
}

/**
 * Takes them out of every segment of the spool. Segments that living processes have open are sealed by those within a
 * minute or so, and waited for. The caller keeps landing away.
 * @throws FeedtrialError FT_STUDY_ERASE_OPEN where a writer doesn't seal
 */
export async function eraseFromSpool(options: SpoolOptions): Promise<number> {
  const { spool, subject, patienceMs, onStep, waiting } = options;
  const begun = performance.now();
  let rewritten = 0;
  const locks: Lock[] = [];
  try {
    for (const folder of segmentFolders(spool)) {
      if (path.basename(path.dirname(folder)) !== 'labels') continue;
      const lock = await waitForLock(path.join(folder, 'lock.sqlite'), { waitMs: patienceMs });
      if (lock === null) throw studyErrors.eraseOpen([folder]);
      locks.push(lock);
    }
    for (;;) {
      for (const folder of segmentFolders(spool))
        for (const name of fs.readdirSync(folder).filter((each) => each.endsWith('.erasing')))
          finishSegment(path.join(folder, name.slice(0, -'.erasing'.length)));
      const found = findInSpool(spool, subject);
      if (found.length === 0) return rewritten;
      const open: string[] = [];
      for (const file of found) {
        const sealed = fs.existsSync(`${file.slice(0, -dataSuffix.length)}${sealSuffix}`);
        if (file.endsWith(openSuffix) || !sealed) open.push(file);
        else {
          rewriteSegment(file, subject);
          rewritten++;
          onStep('segment-rewritten');
        }
      }
      if (open.length > 0) {
        if (performance.now() - begun > patienceMs) throw studyErrors.eraseOpen(open);
        waiting?.(open.length);
        await sleep(500);
      }
    }
  } finally {
    for (const lock of locks) lock.release();
  }
}

/**
 * Forgets where their repository's chain of commits stood, and their frames that wait to be verified. Capture may go on
 * meanwhile.
 */
export function eraseFromChain(spool: string, { did }: Pick<Subject, 'did'>): void {
  const key = hash('sha256', did, 'buffer').subarray(0, 8);
  eraseRows(path.join(spool, 'chain', 'repositories.sqlite'), {
    repositories: ['DELETE FROM repositories WHERE did = ?', key],
    breaks: ['DELETE FROM breaks WHERE did = ?', key],
  });
  eraseRows(path.join(spool, 'retries', 'firehose.sqlite'), {
    waiting: ['DELETE FROM waiting WHERE instr(frame, ?) > 0', Buffer.from(did)],
  });
}

/** @param deletions statement and its value, by the table that it is on: a file of an earlier version may lack some */
function eraseRows(file: string, deletions: Record<string, [string, Buffer]>): void {
  if (!fs.existsSync(file)) return;
  const database = new Database(file, { timeout: 15_000 });
  try {
    database.pragma('secure_delete = ON');
    const hasTable = database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
    for (const [table, [statement, value]] of Object.entries(deletions))
      if (hasTable.get(table) !== undefined) database.prepare(statement).run(value);
    database.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}
