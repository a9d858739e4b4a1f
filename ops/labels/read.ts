import { openEngine, openLake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { observed, plainRows, readCurrentObservation, type ObservationFile } from '../observe/index.ts';
import { labelsErrors } from './errors.ts';

/** A row of fct_label_switch_over: how a label's distribution shifts where one labeler steps in for another. */
export interface SwitchOver {
  unified_label: string;
  from_labeler: string;
  from_label: string;
  to_labeler: string;
  to_label: string;
  posts: number;
  labelled_days: number;
  labelled_weeks: number;
  wanted_days: number;
  first_day: string;
  last_day: string;
  is_enough: boolean;
  from_mean: number;
  to_mean: number;
  mean_shift: number;
  from_median: number;
  to_median: number;
  from_p90: number;
  to_p90: number;
  from_share_over_half: number;
  to_share_over_half: number;
  ks_distance: number;
  spearman: number | null;
}

/** A row of fct_label_coverage_by_arm. */
export interface ArmCoverage {
  arm: string;
  policy_served: string;
  used_for: 'ranking' | 'outcome';
  wanted_label: string;
  posts: number;
  labelled: number;
  coverage: number;
}

export interface Observed<Row> {
  /** Moment of the observation, microseconds UTC. */
  observedUs: number;
  rows: Row[];
}

async function read<Row>(config: Config, file: ObservationFile, order: string): Promise<Observed<Row>> {
  const lake = openLake(config.lake);
  const current = await readCurrentObservation(lake);
  if (current === null) throw labelsErrors.nothing();
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const rows = await plainRows<Row>(
      engine,
      `SELECT * FROM ${observed(lake, current, file)} ORDER BY ${order}`,
    );
    return { observedUs: current.observed_us, rows };
  } finally {
    await engine.close();
  }
}

/**
 * Reads the shift of each label as of the last observation, without opening the warehouse.
 * @throws FeedtrialError FT_LABELS_NOTHING before the first observation
 */
export const readSwitchOver = (config: Config): Promise<Observed<SwitchOver>> =>
  read(config, 'label_switch_over', 'unified_label, from_labeler, from_label, to_labeler, to_label');

/**
 * Reads how many of the posts that each arm was served have which label.
 * @throws FeedtrialError FT_LABELS_NOTHING before the first observation
 */
export const readArmCoverage = (config: Config): Promise<Observed<ArmCoverage>> =>
  read(config, 'label_coverage_by_arm', 'used_for, wanted_label, arm, policy_served');
