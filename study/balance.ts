import { openEngine, openLake, sqlText } from '../lake/index.ts';
import { getStudy } from './studies.ts';
import { balance, type BalanceRow } from './participants.ts';
import { checkCommitment, type Commitment } from './commitment.ts';
import { sampleRatioTest, standardisedDifference, type RatioTest } from './statistics/tests.ts';
import type { StudyStore } from './store/open.ts';

/** A covariate's means by arm, and how far the two that differ most are apart. */
export interface CovariateBalance {
  covariate: string;
  means: Record<string, number>;
  /** Largest absolute standardised difference of any two arms; over 0.1 is worth a look. Null where it can't be said. */
  largest_difference: number | null;
  between: [string, string] | null;
}

export interface ExposureByArm {
  arm: string;
  participants: number;
  served: number;
  analysed: number;
  positions_own_feed: number;
}

export interface StudyBalance {
  study: string;
  rows: BalanceRow[];
  commitment: Commitment;
  /** Who was assigned, against what their blocks promised. */
  assigned: RatioTest;
  /** Who was ever served their own feed, against who was assigned; null before the models were built. */
  first_served: RatioTest | null;
  /** Who counts in the analysis, against who was assigned; null before the models were built. */
  analysed: RatioTest | null;
  covariates: CovariateBalance[];
  exposure: ExposureByArm[];
}

/** In the private lake, written by the model `fct_participants_flow`. */
export const participantsFlowPath = 'experiment/participants_flow.parquet';

interface Flow {
  participant_id: string;
  arm: string;
  stratum: string;
  enrolled_us: number;
  first_served_us: number | null;
  positions_own_feed: number;
  is_analysed: boolean;
  follows: number;
  likes_before_enrolment: number;
  posts_before_enrolment: number;
}

const count = (values: Iterable<string>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

/** How many each arm should have got: of every participant, the shares of the block that they were dealt from. */
async function expectedByArm(
  store: StudyStore,
  study: string,
): Promise<{ expected: Record<string, number>; observed: Record<string, number> }> {
  const rows = await store.db
    .selectFrom('assignments')
    .innerJoin('blocks', (join) =>
      join
        .onRef('blocks.study', '=', 'assignments.study')
        .onRef('blocks.stratum', '=', 'assignments.stratum')
        .onRef('blocks.block', '=', 'assignments.block'),
    )
    .select(['assignments.arm as arm', 'blocks.sequence as sequence'])
    .where('assignments.study', '=', study)
    .execute();
  const expected: Record<string, number> = {};
  for (const { sequence } of rows) {
    const dealt = JSON.parse(sequence) as string[];
    for (const arm of dealt) expected[arm] = (expected[arm] ?? 0) + 1 / dealt.length;
  }
  return { expected, observed: count(rows.map((row) => row.arm)) };
}

async function readFlow(store: StudyStore, study: string): Promise<Flow[] | null> {
  const lake = openLake(store.config.privateLake);
  if (!(await lake.exists(participantsFlowPath))) return null;
  const engine = await openEngine({ memoryLimit: '512MB', threads: 1 });
  try {
    return await engine.rows<Flow>(
      `SELECT participant_id, arm, stratum, enrolled_us::DOUBLE AS enrolled_us, first_served_us::DOUBLE AS first_served_us,
         positions_own_feed::DOUBLE AS positions_own_feed, is_analysed, follows::DOUBLE AS follows,
         likes_before_enrolment::DOUBLE AS likes_before_enrolment, posts_before_enrolment::DOUBLE AS posts_before_enrolment
       FROM read_parquet(${sqlText(lake.uri(participantsFlowPath))}) WHERE study = ${sqlText(study)} ORDER BY participant_id`,
    );
  } finally {
    await engine.close();
  }
}

/** Counts that a share of those assigned should give when being served has nothing to do with the arm. */
function proportional(assigned: Record<string, number>, total: number): Record<string, number> {
  const all = Object.values(assigned).reduce((sum, n) => sum + n, 0);
  return Object.fromEntries(
    Object.entries(assigned).map(([arm, n]) => [arm, all === 0 ? 0 : (total * n) / all]),
  );
}

export function balanceCovariate(
  covariate: string,
  byArm: ReadonlyMap<string, readonly number[]>,
): CovariateBalance {
  const arms = [...byArm.keys()].sort();
  let largest: number | null = null;
  let between: [string, string] | null = null;
  arms.forEach((one, i) => {
    for (const other of arms.slice(i + 1)) {
      const difference = standardisedDifference(byArm.get(one) ?? [], byArm.get(other) ?? []);
      if (difference !== null && (largest === null || Math.abs(difference) > largest)) {
        largest = Math.abs(difference);
        between = [one, other];
      }
    }
  });
  const means = Object.fromEntries(
    arms.map((arm) => {
      const values = byArm.get(arm) ?? [];
      return [arm, values.reduce((sum, x) => sum + x, 0) / Math.max(values.length, 1)];
    }),
  );
  return { covariate, means, largest_difference: largest, between };
}

/**
 * Whether the randomisation holds: sample-ratio tests of the assigned, the first-served and the analysed, covariates from before
 * the study, exposure by arm, and whether the committed seed gives the blocks.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function studyBalance(store: StudyStore, study = store.config.study): Promise<StudyBalance> {
  await getStudy(store, study);
  const { expected, observed } = await expectedByArm(store, study);
  const flow = await readFlow(store, study);
  const summary: StudyBalance = {
    study,
    rows: await balance(store, study),
    commitment: await checkCommitment(store, study),
    assigned: sampleRatioTest(observed, expected),
    first_served: null,
    analysed: null,
    covariates: [],
    exposure: [],
  };
  if (flow === null) return summary;
  const assigned = count(flow.map((one) => one.arm));
  const served = flow.filter((one) => one.first_served_us !== null);
  const analysed = flow.filter((one) => one.is_analysed);
  summary.first_served = sampleRatioTest(
    count(served.map((one) => one.arm)),
    proportional(assigned, served.length),
  );
  summary.analysed = sampleRatioTest(
    count(analysed.map((one) => one.arm)),
    proportional(assigned, analysed.length),
  );
  const byArm = Map.groupBy(flow, (one) => one.arm);
  const covariate = (name: string, of: (one: Flow) => number): void => {
    summary.covariates.push(
      balanceCovariate(name, new Map([...byArm].map(([arm, people]) => [arm, people.map(of)]))),
    );
  };
  covariate('follows', (one) => one.follows);
  covariate('likes_before_enrolment', (one) => one.likes_before_enrolment);
  covariate('posts_before_enrolment', (one) => one.posts_before_enrolment);
  covariate('enrolled_day', (one) => one.enrolled_us / 86_400e6);
  for (const stratum of [...new Set(flow.map((one) => one.stratum))].sort())
    covariate(`stratum ${stratum}`, (one) => (one.stratum === stratum ? 1 : 0));
  summary.exposure = [...byArm]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([arm, people]) => ({
      arm,
      participants: people.length,
      served: people.filter((one) => one.first_served_us !== null).length,
      analysed: people.filter((one) => one.is_analysed).length,
      positions_own_feed: people.reduce((sum, one) => sum + one.positions_own_feed, 0),
    }));
  return summary;
}
