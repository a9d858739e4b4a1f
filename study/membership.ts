import type { Pool } from 'pg';
import { describeError } from '../ops/errors/index.ts';
import { log } from '../ops/telemetry/index.ts';
import { connect, type StudyStore } from './store/open.ts';
import type { ParticipantStatus } from './store/tables.ts';

/** What serving needs to know of a participant. */
export interface Member {
  participantId: string;
  arm: string;
  status: ParticipantStatus;
  /** Whether they have ever asked with a token that they signed. */
  hasAsked: boolean;
}

/** Who is in the study at this moment, in memory. */
export interface Membership {
  /**
   * The participant of an account; undefined for everyone else. Sees every change that was committed before the call: with
   * SQLite it finds out at once, with PostgreSQL it has to ask, and answers later.
   */
  find(did: string): Member | undefined | Promise<Member | undefined>;
  /** Whether there is such a participant, in whatever status. */
  has(participantId: string): boolean;
  readonly size: number;
  /** False while the store can't be asked: what was known last holds on. */
  readonly upToDate: boolean;
  close(): void;
}

interface Row {
  did: string;
  participant_id: string;
  arm: string;
  status: ParticipantStatus;
  first_request_us: number | null;
  revision: number;
}

const columns = 'did, participant_id, arm, status, first_request_us, revision';

/** The participants that were read, and the newest change among them. */
class Members {
  readonly byDid = new Map<string, Member>();
  readonly ids = new Set<string>();
  revision = -1;

  take(rows: readonly Row[]): void {
    for (const row of rows) {
      this.byDid.set(row.did, {
        participantId: row.participant_id,
        arm: row.arm,
        status: row.status,
        hasAsked: row.first_request_us !== null,
      });
      this.ids.add(row.participant_id);
      this.revision = Math.max(this.revision, row.revision);
    }
  }

  replace(rows: readonly Row[]): void {
    this.byDid.clear();
    this.ids.clear();
    this.take(rows);
  }
}

/**
 * Follows a study's participants, so that a withdrawal holds from the next request on. Resolves once they have been read.
 * @throws whatever the store says where they can't be read the first time
 */
export async function openMembership(store: StudyStore, study: string): Promise<Membership> {
  return store.place.kind === 'sqlite'
    ? followFile(store.place.file, study)
    : followServer(store.place.pool, study);
}

/** Each `find` asks SQLite whether anyone has written since (about a microsecond) and reads only the rows that changed. */
function followFile(file: string, study: string): Membership {
  const database = connect(file, { readonly: true });
  const version = database.prepare('PRAGMA data_version').pluck();
  const changed = database.prepare(
    `SELECT ${columns} FROM participants WHERE study = ? AND revision > ? ORDER BY revision`,
  );
  const count = database.prepare('SELECT count(*) FROM participants WHERE study = ?').pluck();
  const members = new Members();
  let seenVersion: unknown = null;

  const refresh = database.transaction((): void => {
    members.take(changed.all(study, members.revision) as Row[]);
    if (count.get(study) === members.byDid.size) return;
    members.replace(changed.all(study, -1) as Row[]); // someone was removed: only a whole reading shows who
  });
  const follow = (): void => {
    const now = version.get();
    if (now === seenVersion) return;
    refresh();
    seenVersion = now;
  };
  follow();
  return {
    find(did) {
      follow();
      return members.byDid.get(did);
    },
    has(participantId) {
      follow();
      return members.ids.has(participantId);
    },
    get size() {
      return members.byDid.size;
    },
    upToDate: true,
    close() {
      database.close();
    },
  };
}

const askMs = 1_000; // a reader waits no longer for the store

/**
 * Each `find` waits for a question that was sent after it was called; all that come while one is under way share the next.
 * Where the store doesn't answer, readers are served by what is known: a withdrawal can't be committed then either, unless
 * the store is up and only this server is cut off, which `upToDate` tells.
 */
async function followServer(pool: Pool, study: string): Promise<Membership> {
  const members = new Members();
  let upToDate = true;

  const query = async <T extends object>(text: string, values: unknown[]): Promise<T[]> =>
    (await pool.query<T>({ text, values, query_timeout: askMs } as never)).rows;
  const look = async (): Promise<void> => {
    const [state] = await query<{ revision: number }>('SELECT revision FROM studies WHERE study = $1', [
      study,
    ]);
    if (state !== undefined && state.revision === members.revision) return;
    const all = `SELECT ${columns} FROM participants WHERE study = $1 AND revision > $2 ORDER BY revision`;
    members.take(await query<Row>(all, [study, members.revision]));
    const [counted] = await query<{ n: number }>('SELECT count(*) AS n FROM participants WHERE study = $1', [
      study,
    ]);
    if (counted?.n !== members.byDid.size) members.replace(await query<Row>(all, [study, -1]));
    // the study's own number, not the newest row's: what was erased leaves no row
    members.revision = Math.max(members.revision, state?.revision ?? -1);
  };
  await look();

  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  const follow = (): Promise<void> => {
    next ??= running.then(() => {
      next = null; // who comes from now on may have missed what this one sees
      running = look().then(
        () => {
          if (!upToDate) log.info('the study store answers again');
          upToDate = true;
        },
        (error: unknown) => {
          if (upToDate) log.error('the study store can not be asked', { error: describeError(error) });
          upToDate = false;
        },
      );
      return running;
    });
    return next;
  };
  return {
    find: (did) => follow().then(() => members.byDid.get(did)),
    has: (participantId) => members.ids.has(participantId),
    get size() {
      return members.byDid.size;
    },
    get upToDate() {
      return upToDate;
    },
    close() {},
  };
}
