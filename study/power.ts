import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describeError } from '../ops/errors/index.ts';
import type { Arm } from './arms.ts';
import { drawBlock } from './assignment.ts';
import { parseCsv } from './csv.ts';
import { studyErrors } from './errors.ts';
import { normalProbability, normalQuantile } from './statistics/distributions.ts';
import { describeSample, meansTest } from './statistics/tests.ts';

/** What a label was like over the network: from daily means, and from single posts where there are any. */
export interface Calibration {
  label: string;
  days: number;
  mean: number;
  /** Of the daily means. All participants share it on a day, so it leaves the difference of arms alone. */
  standard_deviation_of_days: number;
  /** Of single posts. */
  standard_deviation_of_posts: number;
  /** Where that is from: posts that were given, or half of the largest that a probability with this mean can have. */
  posts_from: 'posts' | 'bound';
}

const numbersOf = (text: string, file: string, names: readonly string[]): number[] => {
  let rows: ReturnType<typeof parseCsv>;
  try {
    rows = parseCsv(text);
  } catch (error) {
    throw studyErrors.calibration(file, describeError(error));
  }
  const [first] = rows;
  const name = names.find((one) => first !== undefined && one in first.cells);
  if (name === undefined) {
    const known = Object.keys(first?.cells ?? {}).filter(Boolean);
    throw studyErrors.calibration(file, `it has no column ${names.join(' or ')}; it has ${known.join(', ')}`);
  }
  return rows
    .map(({ cells }) => Number(cells[name] === '' ? Number.NaN : cells[name]))
    .filter(Number.isFinite);
};

/**
 * Reads what a label was like: a CSV with a row a day and a column `avg_prob_<label>` (or `avg_<label>`), and, if there is one, a CSV with
 * a row a post and a column `prob_<label>`.
 * @throws FeedtrialError FT_STUDY_CALIBRATION
 */
export async function readCalibration(options: {
  calibration: string;
  posts?: string;
  label: string;
}): Promise<Calibration> {
  const { calibration: file, posts, label } = options;
  const read = (name: string): Promise<string> =>
    readFile(name, 'utf8').catch((error: unknown) => {
      throw studyErrors.calibration(name, describeError(error));
    });
  const days = describeSample(
    numbersOf(await read(file), file, [`avg_prob_${label}`, `avg_${label}`, label]),
  );
  if (days === null) throw studyErrors.calibration(file, `it has no value of ${label}`);
  const single =
    posts === undefined
      ? null
      : describeSample(numbersOf(await read(posts), posts, [`prob_${label}`, label]));
  return {
    label,
    days: days.n,
    mean: days.mean,
    standard_deviation_of_days: Math.sqrt(days.variance),
    standard_deviation_of_posts:
      single === null ? Math.sqrt(days.mean * (1 - days.mean)) / 2 : Math.sqrt(single.variance),
    posts_from: single === null ? 'bound' : 'posts',
  };
}

export interface PowerOptions {
  calibration: Calibration;
  /** Difference of an arm from the control, in the label's own units: 0.01 is a hundredth of a probability. */
  effect: number;
  participantsPerArm: number;
  /** Arms that are each compared with one control: the significance is shared out between them (Bonferroni). */
  arms: number;
  weeks: number;
  positionsPerWeek: number;
  /** Share of the variance of posts that is between people rather than within a person's feed, from 0 to 1. */
  betweenPeople: number;
  /** Share of the assigned who ever open the feed: the others dilute an intention-to-treat effect. */
  openedShare: number;
  significance: number;
  targetPower: number;
}

export interface Power {
  /** Standard deviation of a participant's mean over the study. */
  standard_deviation_of_participants: number;
  /** What is left of the effect by intention to treat. */
  diluted_effect: number;
  significance_per_comparison: number;
  power: number;
  participants_per_arm_for_target: number;
  /** The smallest effect, before dilution, that this many participants find with the target power. */
  smallest_effect: number;
}

/**
 * Power of a two-sided test of the difference between an arm and the control in the participants' means.
 * @example standard deviation 0.1, difference 0.02, 400 an arm, 0.05: z = 0.02 / (0.1 * sqrt(2/400)) = 2.828, power 0.807
 */
export function powerOf(options: PowerOptions): Power {
  const { calibration, effect, participantsPerArm: n, arms, weeks, positionsPerWeek, openedShare } = options;
  const { betweenPeople, significance, targetPower } = options;
  const variance = calibration.standard_deviation_of_posts ** 2;
  const spread = Math.sqrt(
    betweenPeople * variance + ((1 - betweenPeople) * variance) / Math.max(weeks * positionsPerWeek, 1),
  );
  const alpha = significance / Math.max(arms - 1, 1);
  const critical = normalQuantile(1 - alpha / 2);
  const diluted = effect * openedShare;
  const z = Math.abs(diluted) / (spread * Math.sqrt(2 / n));
  const wanted = critical + normalQuantile(targetPower);
  return {
    standard_deviation_of_participants: spread,
    diluted_effect: diluted,
    significance_per_comparison: alpha,
    power: normalProbability(z - critical) + normalProbability(-z - critical),
    participants_per_arm_for_target: Math.ceil(2 * ((wanted * spread) / Math.abs(diluted)) ** 2),
    smallest_effect: (wanted * spread * Math.sqrt(2 / n)) / openedShare,
  };
}

/** Numbers from 0 to 1 that follow from a text alone. */
function uniforms(seed: string): () => number {
  let state = Number.parseInt(hash('sha256', seed, 'hex').slice(0, 8), 16) >>> 0;
  return () => {
    // mulberry32: 2^32 numbers, ample for one simulated study
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normals(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

export interface SimulationOptions {
  studies: number;
  /** All arms together. */
  participants: number;
  arms: readonly Arm[];
  /** Added to the outcome of the second open arm, by name, in units of the outcome's standard deviation. 0 makes it an A/A test. */
  effect: number;
  significance: number;
  seed?: string;
  /** Share of the variance that the strata explain. */
  betweenStrata?: number;
}

export interface Simulation {
  studies: number;
  /** Share of the studies whose test was significant: false positives where there is no effect, power where there is. */
  significant_share: number;
  /** Largest difference in size between two arms of equal weight, over all studies. */
  largest_imbalance: number;
  mean_difference: number;
}

/**
 * Draws studies: people come in random order in two strata, get their arms by the same permuted blocks as a real enrolment, and
 * have an outcome; then the first two open arms are compared.
 */
export function simulateStudies(options: SimulationOptions): Simulation {
  const { studies, participants, arms, effect, significance, seed = 'power', betweenStrata = 0.2 } = options;
  const names = arms
    .filter((arm) => arm.status === 'open' && arm.weight > 0)
    .map((arm) => arm.arm)
    .sort();
  const [control, treated] = names;
  let significant = 0;
  let imbalance = 0;
  let differences = 0;
  for (let study = 0; study < studies; study++) {
    const uniform = uniforms(`${seed} ${study}`);
    const normal = normals(uniform);
    const dealt = new Map<string, string[]>();
    const blocks = new Map<string, number>();
    const outcomes = new Map<string, number[]>(names.map((arm) => [arm, []]));
    for (let person = 0; person < participants; person++) {
      const stratum = uniform() < 0.3 ? 'a' : 'b';
      let places = dealt.get(stratum) ?? [];
      if (places.length === 0) {
        const block = blocks.get(stratum) ?? 0;
        places = drawBlock({ seed: `${seed} ${study}`, study: 'simulated', stratum, block }, arms);
        blocks.set(stratum, block + 1);
      }
      const [arm = '', ...rest] = places;
      dealt.set(stratum, rest);
      const stratumPart = Math.sqrt(betweenStrata) * (stratum === 'a' ? 1.5 : -0.65);
      const outcome = stratumPart + Math.sqrt(1 - betweenStrata) * normal() + (arm === treated ? effect : 0);
      outcomes.get(arm)?.push(outcome);
    }
    const sizes = names.map((arm) => outcomes.get(arm)?.length ?? 0);
    imbalance = Math.max(imbalance, Math.max(...sizes) - Math.min(...sizes));
    const test = meansTest(outcomes.get(treated ?? '') ?? [], outcomes.get(control ?? '') ?? []);
    differences += test.difference;
    if (test.p < significance) significant++;
  }
  return {
    studies,
    significant_share: significant / studies,
    largest_imbalance: imbalance,
    mean_difference: differences / studies,
  };
}
