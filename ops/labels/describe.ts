import type { ArmCoverage, SwitchOver } from './read.ts';

const figure = (value: number): string => value.toFixed(3);
const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;

/** The report of a switch, for a person; a shift that rests on too few days is shown, and nothing is concluded from it. */
export function describeSwitchOver(rows: readonly SwitchOver[]): string[] {
  if (rows.length === 0)
    return [
      'no post has been labelled by two labelers of which one steps in for the other',
      'let the follower in seeds/label_precedence.csv label beside the first before the first ends',
    ];
  return rows.flatMap((row) => [
    `${row.unified_label}: ${row.from_labeler} ${row.from_label} -> ${row.to_labeler} ${row.to_label}`,
    `  double labels  ${row.posts} posts on ${row.labelled_days} days (${row.labelled_weeks.toFixed(1)} weeks), ${row.first_day} to ${row.last_day}`,
    `  mean           ${figure(row.from_mean)} -> ${figure(row.to_mean)} (${signed(row.mean_shift)})`,
    `  median         ${figure(row.from_median)} -> ${figure(row.to_median)}`,
    `  90th percent   ${figure(row.from_p90)} -> ${figure(row.to_p90)}`,
    `  0.5 or more    ${percent(row.from_share_over_half)} -> ${percent(row.to_share_over_half)} of posts`,
    `  apart by       ${figure(row.ks_distance)} (Kolmogorov-Smirnov), same order ${row.spearman === null ? 'undefined' : figure(row.spearman)} (Spearman)`,
    row.is_enough
      ? '  rests on enough days: report this shift beside every effect that spans the switch'
      : `  NO CONCLUSION: ${row.labelled_days} of ${row.wanted_days} days; the figures are a hint, go on labelling by both`,
  ]);
}

/** How much of what each arm was served has which label. */
export function describeArmCoverage(rows: readonly ArmCoverage[]): string[] {
  if (rows.length === 0) return ['nothing has been served yet'];
  return rows.map(
    (row) =>
      `${row.used_for.padEnd(8)} ${row.wanted_label.padEnd(16)} ${row.arm.padEnd(24)} ${row.policy_served.padEnd(24)} ${percent(row.coverage).padStart(6)} of ${row.posts} posts`,
  );
}
