import type { Config } from '../../../config/index.ts';

type StudyPart = typeof import('../../../../study/index.ts');
type Store = Awaited<ReturnType<StudyPart['openStudyStore']>>;

// Loaded with the command and not before it: SQLite and DuckDB would slow `--help` down.
export const loadStudy = (): Promise<StudyPart> => import('../../../../study/index.ts');

/** Does something with the study store of a configuration, and closes it. */
export async function withStore<T>(
  config: Config,
  work: (part: StudyPart, store: Store) => Promise<T>,
): Promise<T> {
  const part = await loadStudy();
  const store = await part.openStudyStore(config);
  try {
    return await work(part, store);
  } finally {
    await store.close();
  }
}

/** `{study}` where an option named one. */
export const named = (flags: { study?: string }): { study?: string } =>
  flags.study === undefined ? {} : { study: flags.study };

export const isoTime = (us: number): string => new Date(us / 1000).toISOString();
