import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { studyErrors } from './errors.ts';
import type { StudyStore } from './store/open.ts';
import type { StudyTables } from './store/tables.ts';

export type Study = Selectable<StudyTables['studies']>;

export interface CreateStudyOptions {
  study: string;
  /** Seed of the randomisation; random if left out. */
  seed?: string;
  now?: () => number;
}

/**
 * Creates a study, or gives the one that is there: harmless to repeat.
 * @throws FeedtrialError FT_STUDY_SEED if it is there with another seed
 */
export async function createStudy(store: StudyStore, options: CreateStudyOptions): Promise<Study> {
  const { study, seed, now = Date.now } = options;
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(study)) throw studyErrors.badStudy(study);
  await store.db
    .insertInto('studies')
    .values({
      study,
      seed: seed ?? randomBytes(16).toString('hex'),
      feed_context_key: randomBytes(32).toString('hex'),
      created_us: Math.round(now() * 1000),
      revision: 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const found = await getStudy(store, study);
  if (seed !== undefined && found.seed !== seed) throw studyErrors.seedTaken(study);
  return found;
}

/** @throws FeedtrialError FT_STUDY_UNKNOWN naming the studies that there are */
export async function getStudy(store: StudyStore, study: string): Promise<Study> {
  const found = await store.db
    .selectFrom('studies')
    .selectAll()
    .where('study', '=', study)
    .executeTakeFirst();
  if (found !== undefined) return found;
  const known = await store.db.selectFrom('studies').select('study').orderBy('study').execute();
  throw studyErrors.unknownStudy(
    study,
    known.map((row) => row.study),
  );
}

/** The study that is asked for; the configured one comes into being when it is first used. */
export async function useStudy(
  store: StudyStore,
  study: string | undefined,
  now?: () => number,
): Promise<Study> {
  const { study: configured } = store.config;
  if (study === undefined || study === configured)
    return createStudy(store, { study: configured, ...(now ? { now } : {}) });
  return getStudy(store, study);
}

/**
 * The configured study, for whoever only looks at it: it comes into being in a store that has none, and nowhere else, so
 * that a wrong name is not taken for a new study.
 * @throws FeedtrialError FT_STUDY_UNKNOWN naming the studies that there are
 */
export async function openConfiguredStudy(store: StudyStore, now?: () => number): Promise<Study> {
  const any = await store.db.selectFrom('studies').select('study').limit(1).executeTakeFirst();
  return any === undefined ? useStudy(store, undefined, now) : getStudy(store, store.config.study);
}
