import { connect, type StudyStore } from './store/open.ts';
import type { ParticipantStatus } from './store/tables.ts';

/** What serving needs to know of a participant. */
export interface Member {
  participantId: string;
  arm: string;
  status: ParticipantStatus;
}

/** Who is in the study at this moment, in memory. */
export interface Membership {
  /** The participant of an account; undefined for everyone else. Sees every change that was committed before the call. */
  find(did: string): Member | undefined;
  /** Whether there is such a participant, in whatever status. */
  has(participantId: string): boolean;
  readonly size: number;
  close(): void;
}

interface Row {
  did: string;
  participant_id: string;
  arm: string;
  status: ParticipantStatus;
  revision: number;
}

/**
 * Follows a study's participants. Each `find` asks SQLite whether anyone has written since (about a microsecond) and reads
 * only the rows that changed, so that a withdrawal holds from the next request on.
 */
export function openMembership(store: StudyStore, study: string): Membership {
  const database = connect(store.file, { readonly: true });
  const version = database.prepare('PRAGMA data_version').pluck();
  const columns = 'did, participant_id, arm, status, revision';
  const changed = database.prepare(
    `SELECT ${columns} FROM participants WHERE study = ? AND revision > ? ORDER BY revision`,
  );
  const count = database.prepare('SELECT count(*) FROM participants WHERE study = ?').pluck();
  const members = new Map<string, Member>();
  const participantIds = new Set<string>();
  let seenVersion: unknown = null;
  let revision = -1;

  const take = (rows: Row[]): void => {
    for (const row of rows) {
      members.set(row.did, { participantId: row.participant_id, arm: row.arm, status: row.status });
      participantIds.add(row.participant_id);
      revision = Math.max(revision, row.revision);
    }
  };
  const refresh = database.transaction((): void => {
    take(changed.all(study, revision) as Row[]);
    if (count.get(study) === members.size) return;
    participantIds.clear();
    members.clear(); // someone was removed: only a whole reading shows who
    take(changed.all(study, -1) as Row[]);
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
      return members.get(did);
    },
    has(participantId) {
      follow();
      return participantIds.has(participantId);
    },
    get size() {
      return members.size;
    },
    close() {
      database.close();
    },
  };
}
