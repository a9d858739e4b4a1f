import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { nextRevision } from '../enroll.ts';
import { findParticipant } from '../participants.ts';
import { getStudy } from '../studies.ts';
import { writeTo, type StudyStore } from '../store/open.ts';
import { newReceiptId, subjectHash } from './receipt.ts';
import type { Subject } from './subject.ts';

/** What the store keeps of an erasure while it is under way. */
export interface OpenErasure extends Subject {
  handles: string[];
  panelId: string | null;
  /** Key of `subject_hash`, which goes to the receipt. */
  key: string;
  begunUs: number;
  /** Files that are to be rewritten or were, by place: their rows have to be counted again. */
  rewritten: Record<string, string[]>;
}

type Kept = Omit<OpenErasure, 'receiptId' | 'begunUs' | 'rewritten'>;

interface Row {
  receipt_id: string;
  subject: string | null;
  begun_us: number;
  steps: string;
}

const toErasure = (row: Row): OpenErasure => ({
  ...(JSON.parse(row.subject ?? '{}') as Kept),
  receiptId: row.receipt_id,
  begunUs: row.begun_us,
  rewritten: JSON.parse(row.steps) as Record<string, string[]>,
});

/** All erasures of a study, oldest first: when, and nothing of whom. @throws FeedtrialError FT_STUDY_UNKNOWN */
export async function listErasures(
  store: StudyStore,
  study = store.config.study,
): Promise<{ receipt_id: string; begun_us: number; done_us: number | null }[]> {
  await getStudy(store, study);
  return store.db
    .selectFrom('erasures')
    .select(['receipt_id', 'begun_us', 'done_us'])
    .where('study', '=', study)
    .orderBy('begun_us')
    .execute();
}

/** Erasures that were begun and are not done. */
export async function openErasures(store: StudyStore, study: string): Promise<OpenErasure[]> {
  const rows = await store.db
    .selectFrom('erasures')
    .select(['receipt_id', 'subject', 'begun_us', 'steps'])
    .where('study', '=', study)
    .where('done_us', 'is', null)
    .orderBy('begun_us')
    .execute();
  return rows.map(toErasure);
}

/**
 * Begins an erasure, or goes on with the one that was begun: from here on the person has withdrawn, and what has to be done
 * is written down.
 * @throws FeedtrialError FT_STUDY_NOT_ENROLLED
 */
export async function beginErasure(
  store: StudyStore,
  who: string,
  study: string,
  now: () => number,
): Promise<OpenErasure> {
  const begun = (await openErasures(store, study)).find(({ did, participantId, panelId, receiptId }) =>
    [did, participantId, panelId, receiptId].includes(who),
  );
  if (begun !== undefined) return begun;
  return writeTo(store, async (transaction) => {
    const revision = await nextRevision(transaction, study);
    const participant = await findParticipant({ db: transaction }, who, study);
    const begunUs = Math.round(now() * 1000);
    const kept: Kept = {
      did: participant.did,
      participantId: participant.participant_id,
      handles: participant.handle === null ? [] : [participant.handle],
      pseudonyms: [],
      panelId: participant.panel_id,
      salt: randomBytes(16).toString('hex'),
      key: randomBytes(32).toString('hex'),
    };
    const receiptId = newReceiptId();
    await transaction
      .insertInto('erasures')
      .values({
        receipt_id: receiptId,
        study,
        subject_hash: subjectHash(kept.key, kept.did),
        subject: JSON.stringify(kept),
        arm: participant.arm,
        stratum: participant.stratum,
        steps: '{}',
        begun_us: begunUs,
        done_us: null,
        receipt: null,
      })
      .execute();
    await transaction
      .updateTable('participants')
      .set({ status: 'withdrawn', withdrawn_us: participant.withdrawn_us ?? begunUs, revision })
      .where('participant_id', '=', participant.participant_id)
      .execute();
    return { ...kept, receiptId, begunUs, rewritten: {} };
  });
}

/** Writes down more of what has to be done, before it is. */
export async function noteErasureState(store: StudyStore, erasure: OpenErasure): Promise<void> {
  const { receiptId, rewritten } = erasure;
  const { did, participantId, handles, pseudonyms, panelId, salt, key } = erasure;
  const kept: Kept = { did, participantId, handles, pseudonyms, panelId, salt, key };
  await store.db
    .updateTable('erasures')
    .set({ subject: JSON.stringify(kept), steps: JSON.stringify(rewritten) })
    .where('receipt_id', '=', receiptId)
    .execute();
}

/** Takes their rows out of the store. Doing it again changes nothing. */
export async function eraseFromStore(store: StudyStore, erasure: OpenErasure, study: string): Promise<void> {
  const { participantId, panelId, did } = erasure;
  await writeTo(store, async (transaction) => {
    await nextRevision(transaction, study);
    for (const table of ['consents', 'assignments', 'participants'] as const)
      await transaction.deleteFrom(table).where('participant_id', '=', participantId).execute();
    if (panelId !== null)
      await transaction
        .deleteFrom('survey_answers')
        .where('study', '=', study)
        .where('panel_id', '=', panelId)
        .execute();
  });
  // the same account may be in another study of this store: that is another person's word to give
  const elsewhere = await store.db
    .selectFrom('participants')
    .select('study')
    .where('did', '=', did)
    .execute();
  if (elsewhere.length === 0) await cleanPages(store);
}

/** Ends an erasure: what it was about is forgotten. */
export async function endErasure(
  store: StudyStore,
  receiptId: string,
  receipt: object,
  doneUs: number,
): Promise<void> {
  await store.db
    .updateTable('erasures')
    .set({ subject: null, steps: '{}', done_us: doneUs, receipt: JSON.stringify(receipt) })
    .where('receipt_id', '=', receiptId)
    .execute();
  await cleanPages(store);
}

const tables = ['participants', 'assignments', 'consents', 'survey_answers', 'erasures'] as const;

/** What was deleted is still in free pages and in the write-ahead log: writes the tables anew. */
export async function cleanPages(store: StudyStore): Promise<void> {
  if (store.place.kind === 'postgres') {
    for (const table of tables) await sql`vacuum full ${sql.table(table)}`.execute(store.db);
    return;
  }
  for (let attempt = 0; ; attempt++) {
    await sql`vacuum`.execute(store.db);
    const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(store.db);
    if (rows[0]?.busy === 0 || attempt === 20) return;
    await sleep(250); // a reader was in the middle of something
  }
}
