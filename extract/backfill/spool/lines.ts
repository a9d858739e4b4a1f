import { cidText, recordJson, Rejection, type GapStatement } from '../../capture/index.ts';
import type { RepositoryBlocks } from '../repository/read-car.ts';
import { witnessTime } from '../repository/tid.ts';
import type { VerifiedRepository } from '../repository/verify.ts';
import { walkTree } from '../repository/walk.ts';
import type { FailureReason } from '../failure.ts';

/**
 * Spool format of backfill: lines as the firehose has them, of kinds 'record', 'rejected' and 'gap', and of its own 'profile'
 * and 'backfill'. Lines stand in groups, one a question that was asked; a group ends with its 'backfill' line, which says what
 * came of it, and a group that doesn't was never written.
 */
export const backfillFormat = 'backfill/1';
export const backfillStream = 'backfill';

/** What a group's last line begins with: recovery looks for these bytes. */
export const groupEnd = '{"t":"backfill",';

const quoted = JSON.stringify;

const stamp = (t: string, eventUs: number, did: string | null, nowUs: number): string =>
  `{"t":"${t}","seq":null,"event_us":${eventUs},"did":${quoted(did)},"ingested_at":${nowUs},"source":"backfill"`;

/** A record as it stands in a repository. `record` is JSON text already, and last, as landing expects it. */
export const recordLine = (
  row: { did: string; collection: string; rkey: string; cid: string; rev: string; record: string },
  at: { eventUs: number; nowUs: number; verified: boolean },
): string =>
  `${stamp('record', at.eventUs, row.did, at.nowUs)},"live":false,"verified":${at.verified},"collection":${quoted(row.collection)},"rkey":${quoted(row.rkey)},"operation":"create","cid":"${row.cid}","rev":${quoted(row.rev)},"record":${row.record}}\n`;

/** A record that was there before and is no more in the repository at this revision. */
export const deleteLine = (
  row: { did: string; collection: string; rkey: string; rev: string },
  at: { eventUs: number; nowUs: number },
): string =>
  `${stamp('record', at.eventUs, row.did, at.nowUs)},"live":false,"verified":true,"collection":${quoted(row.collection)},"rkey":${quoted(row.rkey)},"operation":"delete","cid":null,"rev":${quoted(row.rev)},"record":null}\n`;

/** A record whose bytes are what its CID names, and no record. */
export const rejectedLine = (
  row: { did: string; reason: string; detail: string; bytes: Buffer },
  nowUs: number,
): string =>
  `${stamp('rejected', nowUs, row.did, nowUs)},"reason":"${row.reason}","detail":${quoted(row.detail.slice(0, 2_000))},"frame":"${row.bytes.toString('base64')}","attempts":1}\n`;

/** A statement about a gap that another source opened. */
export const gapLine = (gap: GapStatement, nowUs: number): string =>
  `${quoted({ t: 'gap', seq: null, event_us: nowUs, ingested_at: nowUs, source: 'backfill', ...gap })}\n`;

/** A profile as the public API showed it; `profile` is JSON text already. */
export const profileLine = (
  row: {
    did: string;
    handle: string | null;
    followers: number | null;
    follows: number | null;
    posts: number | null;
  },
  profile: string,
  nowUs: number,
): string =>
  `${stamp('profile', nowUs, row.did, nowUs)},"handle":${quoted(row.handle)},"followers":${row.followers},"follows":${row.follows},"posts":${row.posts},"profile":${quoted(profile)}}\n`;

export type QuestionKind = 'repository' | 'record' | 'profile' | 'window';

/** What came of a question; the columns of `raw/backfills`. */
export interface Outcome {
  kind: QuestionKind;
  did: string | null;
  uri: string | null;
  /** 'done', 'unchanged' (nothing new since it was last fetched), 'absent' (there is nothing to be had), 'failed'. */
  outcome: 'done' | 'unchanged' | 'absent' | 'failed';
  reason: FailureReason | null;
  detail: string | null;
  host: string | null;
  rev: string | null;
  verified: boolean | null;
  /** Collections that were kept; '' for all, null where none was chosen. */
  collections: string | null;
  records: number | null;
  written: number | null;
  deleted: number | null;
  bytes: number | null;
  attempts: number;
}

export const outcomeLine = (outcome: Outcome, runId: string, nowUs: number): string =>
  // the kind of a line is `t`; the kind of a question can't be `kind`, which is a gap's
  `${groupEnd}"seq":null,"event_us":${nowUs},"did":${quoted(outcome.did)},"ingested_at":${nowUs},"source":"backfill","asked":"${outcome.kind}","uri":${quoted(outcome.uri)},"outcome":"${outcome.outcome}","reason":${quoted(outcome.reason)},"detail":${quoted(outcome.detail?.slice(0, 2_000) ?? null)},"host":${quoted(outcome.host)},"rev":${quoted(outcome.rev)},"verified":${outcome.verified},"collections":${quoted(outcome.collections)},"records":${outcome.records},"written":${outcome.written},"deleted":${outcome.deleted},"bytes":${outcome.bytes},"attempts":${outcome.attempts},"run_id":${quoted(runId)}}\n`;

/** A path, its parts. */
export function splitPath(path: string): { collection: string; rkey: string } {
  const slash = path.indexOf('/');
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) };
}

export interface RecordLinesOptions {
  /** When the repository was fetched, microseconds UTC. */
  nowUs: number;
  /** Which collections are kept. Default all. */
  keeps?: (collection: string) => boolean;
  /** Whether the lake has this record as it is, so that there is nothing to write. */
  has?: (path: string, cid: string) => boolean;
}

export interface RecordLine {
  line: string;
  rejected: boolean;
}

/**
 * Lines of a verified repository's records, in the order of their paths. What is no record although it has its CID's content goes
 * to `raw/rejected`: its author's client is to blame, and the others are as good as ever.
 */
export function* recordLines(
  blocks: RepositoryBlocks,
  repository: VerifiedRepository,
  { nowUs, keeps = () => true, has = () => false }: RecordLinesOptions,
): Generator<RecordLine | null, void, undefined> {
  const { did, rev, signed: verified } = repository;
  for (const { path, cid } of walkTree(blocks, repository.data)) {
    const { collection, rkey } = splitPath(path);
    const name = cidText(cid);
    if (!keeps(collection) || has(path, name)) {
      yield null;
      continue;
    }
    let record: string;
    try {
      record = recordJson(blocks, cid, path);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      const { message: detail } = error;
      const row = { did, reason: 'malformed_record', detail, bytes: blocks.block(cid) };
      yield { line: rejectedLine(row, nowUs), rejected: true };
      continue;
    }
    const eventUs = witnessTime(rkey, rev, nowUs);
    yield {
      line: recordLine({ did, collection, rkey, cid: name, rev, record }, { eventUs, nowUs, verified }),
      rejected: false,
    };
  }
}
