import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { sql, type Selectable, type Transaction } from 'kysely';
import { recordConsent, requireConsent, type Consent } from './consent.ts';
import { FeedtrialError, describeError } from '../ops/errors/index.ts';
import { newRunId, runStage } from '../ops/telemetry/index.ts';
import type { Arm } from './arms.ts';
import { readArmsAt } from './waves.ts';
import { armsDigest, drawBlock } from './assignment.ts';
import { studyErrors } from './errors.ts';
import { requireAccountDid, requireHandle } from './identity/names.ts';
import { resolveHandle } from './identity/resolve.ts';
import { publishRoster } from './roster.ts';
import { useStudy, type Study } from './studies.ts';
import { writeTo, type StudyStore } from './store/open.ts';
import type { StudyTables } from './store/tables.ts';

export type Participant = Selectable<StudyTables['participants']>;

/** Stratum of a study that has none. */
export const onlyStratum = 'all';

/** Someone to enrol, by DID or by handle. */
export interface Person {
  did?: string | undefined;
  handle?: string | undefined;
  stratum?: string | undefined;
  /** What the survey panel calls them. */
  panelId?: string | undefined;
  consent?: Consent | undefined;
}

/** How people come in. */
export interface Admission {
  /** Service that resolves handles. */
  resolverUrl?: string;
  /** Whether an account is enrolled only once it asks for the feed: until then nobody has shown that it is theirs. */
  pending?: boolean;
  now?: () => number;
  randomBytes?: (size: number) => Buffer;
}

export interface EnrollOptions extends Admission {
  people: readonly Person[];
  /** Default the configured study. */
  study?: string;
  /** Default the arms of seeds/arms.csv. */
  arms?: readonly Arm[];
  dag?: string;
  runId?: string;
}

export interface EnrollSummary {
  study: string;
  /** Who was enrolled now. */
  enrolled: Participant[];
  /** Who was in the study already, in the arm that they have. */
  already: Participant[];
  failed: { person: Person; code: string; message: string; error: unknown }[];
  /** Participants in the published roster. */
  roster: number;
}

/**
 * Enrols people and assigns each to an arm, then publishes the roster. Repeating it changes nothing: an account keeps its
 * arm. A person who can't be enrolled is in `failed` and holds nobody else up.
 * @throws FeedtrialError FT_STUDY_UNKNOWN, FT_STUDY_ARMS, FT_STUDY_ARMS_CLOSED, FT_STUDY_WAVES, FT_STUDY_NO_WAVE
 */
export async function enroll(store: StudyStore, options: EnrollOptions): Promise<EnrollSummary> {
  const { people, dag = 'study', runId = newRunId(), now = Date.now } = options;
  if (people.length === 0) throw studyErrors.nobody();
  return runStage({ config: store.config, dag, runId, stage: 'enroll', now }, async (stage) => {
    const study = await useStudy(store, options.study, now);
    const arms = options.arms ?? (await readArmsAt(store.config.projectRoot, now() * 1000));
    armsDigest(arms); // fails here, before the first person, where no arm is open
    const summary: EnrollSummary = { study: study.study, enrolled: [], already: [], failed: [], roster: 0 };
    for (const person of people) {
      try {
        const { participant, isNew } = await enrollPerson(store, study, arms, person, options);
        (isNew ? summary.enrolled : summary.already).push(participant);
      } catch (error) {
        const code = error instanceof FeedtrialError ? error.code : 'FT_UNEXPECTED';
        summary.failed.push({ person, code, message: describeError(error), error });
      }
    }
    summary.roster = await publishRoster(store);
    stage.records = summary.enrolled.length;
    stage.detail = { already: summary.already.length, failed: summary.failed.length };
    if (summary.failed.length > 0) stage.outcome = 'partial';
    return summary;
  });
}

/**
 * Enrols one person, without a word to the lake: whoever calls publishes the roster.
 * @throws FeedtrialError FT_STUDY_DID, FT_STUDY_HANDLE, FT_STUDY_HANDLE_UNRESOLVED, FT_STUDY_STRATUM, FT_STUDY_STRATUM_FIXED,
 *   FT_STUDY_WITHDRAWN, FT_STUDY_PANEL_ID, FT_STUDY_CONSENT, FT_STUDY_NOBODY
 */
export async function enrollPerson(
  store: StudyStore,
  study: Study,
  arms: readonly Arm[],
  person: Person,
  options: Admission = {},
): Promise<{ participant: Participant; isNew: boolean }> {
  const { now = Date.now, randomBytes = nodeRandomBytes, resolverUrl, pending = false } = options;
  const { plcUrl, allowLoopback } = store.config;
  const stratum = person.stratum === undefined || person.stratum === '' ? undefined : person.stratum;
  if (stratum !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(stratum))
    throw studyErrors.badStratum(stratum);
  if (!person.did && !person.handle) throw studyErrors.nobody();
  const panelId = person.panelId ? requirePanelId(person.panelId) : null;
  const consent = person.consent === undefined ? null : requireConsent(person.consent);
  const handle = person.handle ? requireHandle(person.handle) : null;
  const did = person.did
    ? requireAccountDid(person.did, allowLoopback)
    : await resolveHandle(handle ?? '', { plcUrl, allowLoopback, ...(resolverUrl ? { resolverUrl } : {}) });

  const existing = await findByDid(store.db, study.study, did);
  if (existing && panelId === existing.panel_id && consent === null)
    return { participant: requireSame(existing, stratum), isNew: false };
  return writeTo(store, async (transaction) => {
    // The write comes first: it takes the store's lock, so that enrolments go one after the other from here on.
    const revision = await nextRevision(transaction, study.study);
    const nowUs = Math.round(now() * 1000);
    const raced = await findByDid(transaction, study.study, did);
    if (panelId !== null) await requirePanelIdIsFree(transaction, study.study, panelId, did);
    if (raced) {
      const participant = await takePanelId(transaction, requireSame(raced, stratum), panelId, revision);
      if (consent !== null) await recordConsent(transaction, participant, consent, nowUs);
      return { participant, isNew: false };
    }
    const place = await takePlace(transaction, study, stratum ?? onlyStratum, arms);
    const participant: Participant = {
      participant_id: `p_${randomBytes(12).toString('hex')}`,
      study: study.study,
      did,
      handle,
      stratum: stratum ?? onlyStratum,
      arm: place.arm,
      status: pending ? 'pending' : 'active',
      enrolled_us: nowUs,
      withdrawn_us: null,
      first_request_us: null,
      panel_id: panelId,
      revision,
    };
    await transaction.insertInto('participants').values(participant).execute();
    if (consent !== null) await recordConsent(transaction, participant, consent, nowUs);
    await transaction
      .insertInto('assignments')
      .values({
        participant_id: participant.participant_id,
        study: study.study,
        stratum: participant.stratum,
        arm: place.arm,
        block: place.block,
        place: place.place,
        assigned_us: nowUs,
        reason: 'enrolled',
      })
      .execute();
    return { participant, isNew: true };
  });
}

/** @throws FeedtrialError FT_STUDY_PANEL_ID where the text can not be one */
export function requirePanelId(panelId: string): string {
  const id = panelId.trim();
  if (!/^[\x21-\x7e]{1,128}$/.test(id)) throw studyErrors.badPanelId(panelId.slice(0, 80));
  return id;
}

async function requirePanelIdIsFree(db: Db, study: string, panelId: string, did: string): Promise<void> {
  const taken = await db
    .selectFrom('participants')
    .select(['participant_id', 'did'])
    .where('study', '=', study)
    .where('panel_id', '=', panelId)
    .executeTakeFirst();
  if (taken !== undefined && taken.did !== did) throw studyErrors.panelIdTaken(taken.participant_id);
}

/** A participant who was enrolled without a panel id may be given one; it is never changed. */
async function takePanelId(
  transaction: Transaction<StudyTables>,
  participant: Participant,
  panelId: string | null,
  revision: number,
): Promise<Participant> {
  if (panelId === null || panelId === participant.panel_id) return participant;
  if (participant.panel_id !== null) throw studyErrors.panelIdFixed(participant.participant_id);
  await transaction
    .updateTable('participants')
    .set({ panel_id: panelId, revision })
    .where('participant_id', '=', participant.participant_id)
    .execute();
  return { ...participant, panel_id: panelId, revision };
}

type Db = StudyStore['db'] | Transaction<StudyTables>;

async function findByDid(db: Db, study: string, did: string): Promise<Participant | undefined> {
  return db
    .selectFrom('participants')
    .selectAll()
    .where('study', '=', study)
    .where('did', '=', did)
    .executeTakeFirst();
}

function requireSame(participant: Participant, stratum: string | undefined): Participant {
  if (participant.status === 'withdrawn') throw studyErrors.withdrawn(participant.participant_id);
  if (stratum !== undefined && stratum !== participant.stratum)
    throw studyErrors.otherStratum(participant.participant_id, participant.stratum, stratum);
  return participant;
}

/** Takes the study's next revision; the caller's transaction holds the store's lock from here to its end. */
export async function nextRevision(transaction: Transaction<StudyTables>, study: string): Promise<number> {
  const row = await transaction
    .updateTable('studies')
    .set({ revision: sql<number>`revision + 1` })
    .where('study', '=', study)
    .returning('revision')
    .executeTakeFirstOrThrow();
  return Number(row.revision);
}

/** The next free place of the stratum's block; a new block where it is full or the open arms have changed. */
async function takePlace(
  transaction: Transaction<StudyTables>,
  study: Study,
  stratum: string,
  arms: readonly Arm[],
): Promise<{ arm: string; block: number; place: number }> {
  const digest = armsDigest(arms);
  const last = await transaction
    .selectFrom('blocks')
    .selectAll()
    .where('study', '=', study.study)
    .where('stratum', '=', stratum)
    .orderBy('block', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined && last.arms_digest === digest) {
    const sequence = JSON.parse(last.sequence) as string[];
    const arm = sequence[last.used];
    if (arm !== undefined) {
      await transaction
        .updateTable('blocks')
        .set({ used: last.used + 1 })
        .where('study', '=', study.study)
        .where('stratum', '=', stratum)
        .where('block', '=', last.block)
        .execute();
      return { arm, block: last.block, place: last.used };
    }
  }
  const block = last === undefined ? 0 : last.block + 1;
  const sequence = drawBlock({ seed: study.seed, study: study.study, stratum, block }, arms);
  await transaction
    .insertInto('blocks')
    .values({
      study: study.study,
      stratum,
      block,
      arms_digest: digest,
      sequence: JSON.stringify(sequence),
      used: 1,
    })
    .execute();
  return { arm: sequence[0] as string, block, place: 0 };
}
