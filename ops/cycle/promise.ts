import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  changedSinceFrozen,
  isRemoteStore,
  listFrozen,
  openStudyStore,
  type Change,
} from '../../study/index.ts';
import type { Config } from '../config/index.ts';
import { FeedtrialError } from '../errors/index.ts';
import { log } from '../telemetry/index.ts';
import { rankErrors } from './errors.ts';

/** What a generation says of the study's promise: `study freeze` made it, `study amend` changes it. */
export interface KeptPromise {
  /** 'not frozen' also where this machine has no study store. */
  state: 'not frozen' | 'as frozen' | 'as amended';
  /** Number, hash, moment and reason of the record that it was ranked under; null where not frozen. */
  record: { number: number; sha256: string; frozen_us: number; reason: string } | null;
  /** What is not as promised and decides no feed: outcomes, exports, alerts. */
  changes: Change[];
}

/** Files of the promise that no feed comes from: how outcomes are measured and what operators are told. */
const besidesFeeds =
  /^(outcomes\/|(models|macros)\/(observe|exports|experiment|backfill)\/|seeds\/(alert_rules|observe_parameters|schedule_targets|backfill_parameters|outcome_labels)\.csv$)/;

const notFrozen: KeptPromise = { state: 'not frozen', record: null, changes: [] };

/**
 * Compares the checkout and its settings with what the study froze last. What decides feeds must be as promised or amended; what does
 * not is said and recorded.
 * @throws FeedtrialError FT_RANK_PROMISE (exit 4: the last generation stays in force) naming the files; FT_STUDY_STORE where there is a store
 *   that can't be read: whether a promise is kept is then not known
 */
export async function requirePromise(config: Config): Promise<KeptPromise> {
  // looking must not bring a store into being
  if (!isRemoteStore(config) && !existsSync(path.resolve(config.studyDb))) return notFrozen;
  const store = await openStudyStore(config);
  try {
    const records = await listFrozen(store).catch((error: unknown) => {
      if (error instanceof FeedtrialError && error.code === 'FT_STUDY_UNKNOWN') return [];
      throw error;
    });
    if (records.length === 0) return notFrozen;
    const { last, changes, broken } = await changedSinceFrozen(store);
    const deciding = changes.filter(({ file }) => !besidesFeeds.test(file));
    const others = changes.filter(({ file }) => besidesFeeds.test(file));
    if (deciding.length > 0 || broken.length > 0)
      throw rankErrors.promise(config.study, last, deciding, broken);
    if (others.length > 0)
      log.warn(
        "what the study measures or reports by is not as it was frozen: record it by 'feedtrial study amend'",
        {
          study: config.study,
          files: others.map(({ file }) => file).join(' '),
        },
      );
    return {
      state: records.length > 1 ? 'as amended' : 'as frozen',
      record: { number: last.number, sha256: last.sha256, frozen_us: last.frozen_us, reason: last.reason },
      changes: others,
    };
  } finally {
    await store.close();
  }
}
