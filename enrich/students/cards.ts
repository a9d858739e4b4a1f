import type { CalibrationBin, Estimate } from './evaluate.ts';
import type { EmbeddingReport } from './train-on-embeddings.ts';
import type { StudentPlan, StudentReport } from './train-student.ts';
import type { ToxicReport } from './train-toxic.ts';

const figure = ({ value, low, high }: Estimate): string =>
  `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

/** A Markdown table with padded cells, as Prettier would lay it out. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) =>
    Math.max(3, ...[header, ...rows].map((row) => (row[i] as string).length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  return [
    line(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}

const binTable = (bins: readonly CalibrationBin[], observed: string): string =>
  table(
    ['posts', 'mean prediction', observed],
    bins.map((bin) => [String(bin.count), bin.predicted.toFixed(3), bin.observed.toFixed(3)]),
  );

export function toxicCard(version: string, bytes: number, report: ToxicReport): string {
  return `# Starter student: toxic

Two linear models on the same hashed n-grams (words 1-2, characters 3-5, 2^20 buckets, one byte a weight) that imitate a
machine toxicity score: one orders all texts, the other, where it exceeds a floor, raises the few that stand out. Written by
\`feedtrial train starter\`; don't edit the numbers by hand.

- Labeler \`student_toxicity\`, label \`toxic\`, a probability.
- Version \`${version}\` (sha256 of \`toxic.json\`, ${Math.round(bytes / 1024)} KiB).
- Learned from ${report.trained} comments under online articles with a machine toxicity score (ipavlopoulos/context_toxicity,
  Apache-2.0, ACL 2020; by its values and the paper's account Perspective's, though the repository doesn't say so).
- The file holds buckets and weights. No text, and no list of words, can be read from it.

## What it was measured on

All figures are of the committed one-byte weights, on rows that were not trained on; 95% intervals by bootstrap over rows.

${table(
  ['against', 'rows', 'figure', 'value'],
  [
    ['the teacher, held-out fifth', String(report.heldOut), 'Spearman', figure(report.teacherSpearman)],
    ['the teacher >= 0.5, held-out fifth', String(report.heldOut), 'AUC', figure(report.teacherAuc)],
    [
      `people, held-out fifth (${report.humanPositives} toxic)`,
      String(report.heldOut),
      'AUC',
      figure(report.humanAuc),
    ],
    ['people, tweets (hate or offensive)', String(report.tweetsAuc.n), 'AUC', figure(report.tweetsAuc)],
    [
      'Perspective, Bluesky posts of 2024',
      String(report.pilotSpearman.n),
      'Spearman',
      figure(report.pilotSpearman),
    ],
    ['Perspective >= 0.5, Bluesky posts', String(report.pilotAuc.n), 'AUC', figure(report.pilotAuc)],
  ],
)}

Calibration against the teacher, held-out fifth (mean distance over ten bins: ${report.teacherCalibration.toFixed(4)}):

${binTable(report.bins, 'mean teacher score')}

## What it gets wrong

- It knows words, not meaning: irony, quotation, reclaimed words and threats in polite words escape it, and a slur that
  is reported counts like one that is meant. Its teacher's biases, such as against dialects, are its own.
- How well it orders the few comments that its teacher calls toxic is known roughly: 77 of the held-out fifth are, which makes
  the interval about 0.045 wide for any student as good. Cross-validated in four folds inside the training part (295 of 12,928) the
  same recipe has an AUC of 0.938 (folds 0.938, 0.934, 0.938 and 0.943) and a Spearman of 0.671, so the held-out figures are on
  the lucky side. Without its second part it has 0.926 and 0.671; the second part alone has 0.941 and 0.618. All was chosen by those folds.
- Tried in them, and no better: other weights of the log-odds (0.926), longer n-grams (0.921 to 0.924), n-grams of three texts at
  least (0.926), targets sharpened near the threshold (0.910), the second part on n-grams weighted by their log-count ratio (0.940
  alone), a greater weight of toxic comments, and weights that had learned from the tweets before. Learning from tweets and comments
  together made it worse (0.882).
- Against people it can't be much better than its teacher, whose own AUC on these comments is 0.830.
- It learned from comments, in English, longer than posts. On posts it orders less well than on comments (table), and
  outside English its number means nothing.
- Perspective's own score is another measurement: don't join the two in one analysis without a period of both.
- The number is meant for the demo and for a feed that must not stop. It was not made to moderate or to judge a person.
`;
}

export interface EmbeddingCard {
  label: string;
  title: string;
  /** What one row's target is, and whose word it is. */
  target: string;
  /** Column heading of the observed side in the calibration table. */
  observed: string;
  warnings: readonly string[];
}

export function embeddingCard(
  card: EmbeddingCard,
  version: string,
  embeddingModel: string,
  report: EmbeddingReport,
): string {
  const rows = [
    [`the target >= 0.5 (${report.positives} of ${report.rows})`, 'AUC', figure(report.auc)],
    ...(report.spearman === null ? [] : [['the target', 'Spearman', figure(report.spearman)]]),
  ];
  return `# Starter student: ${card.title}

Logistic regression with a ridge on the 384 numbers of the sentence embedding. Written by \`feedtrial train starter\`; don't
edit the numbers by hand.

- Labeler \`student_${card.label}\`, label \`${card.label}\`, a probability.
- Version \`${version}\` (sha256 of \`${card.label}.json\`).
- Reads embeddings of model \`${embeddingModel}\` and refuses any other.
- Learned from ${report.rows} Bluesky posts of March 2024 by ${report.authors} authors (METResearchGroup/bluesky-research, MIT):
  ${card.target}

## What it was measured on

Cross-validated over authors in ten folds, ridge (${report.ridge} in the committed weights) and calibration chosen anew inside each: no
post is scored by a model that saw its author. The committed weights are trained on all rows. 95% intervals by bootstrap over authors.

${table(['against', 'figure', 'value'], rows)}

Calibration (mean distance over five bins: ${report.calibration.toFixed(3)}):

${binTable(report.bins, card.observed)}

## What it gets wrong

${card.warnings.map((warning) => `- ${warning}`).join('\n')}
- ${report.rows} posts of one month, widely liked ones, in English: what wasn't talked about then it hasn't seen. The intervals say how little
  is known; a study should train its own with \`feedtrial train\` and its own labels.
`;
}

/** Card of a student that was distilled from labels in the lake. */
export function studentCard(plan: StudentPlan, version: string, report: StudentReport): string {
  const rows = [
    ...(report.spearman ? [['the teacher', 'Spearman', figure(report.spearman)]] : []),
    ...(report.auc ? [['the teacher >= 0.5', 'AUC', figure(report.auc)]] : []),
    ...(report.people
      ? [[`people (${report.people.n} posts of the gold file)`, 'AUC', figure(report.people)]]
      : []),
    ...(report.gain
      ? [
          [
            'the student that was in place',
            report.spearman ? 'Spearman gained' : 'AUC gained',
            figure(report.gain),
          ],
        ]
      : []),
  ];
  return `# Student: ${plan.label}

${plan.kind === 'n-grams' ? 'A linear model on hashed n-grams' : 'Logistic regression with a ridge on the sentence embedding'}, distilled
from \`${plan.teacher.label}\` of \`${plan.teacher.labeler}\` (${report.teacherVersion}). Written by \`feedtrial train student ${plan.label}\`.

- Labeler \`${plan.labeler}\`, label \`${plan.label}\`, a probability.
- Version \`${version}\` (sha256 of \`${plan.label}.json\`).
- Learned from ${report.trained} posts of this lake.

## What it was measured on

${report.heldOut} posts by ${report.heldOutAuthors} authors: all later than what it learned from, by people of whom it saw nothing. 95% intervals by bootstrap over
authors.

${table(['against', 'figure', 'value'], rows)}

Calibration (mean distance over five bins: ${report.calibration.toFixed(3)}):

${binTable(report.bins, 'mean teacher score')}

## What it gets wrong

- Whatever its teacher gets wrong, and more: it has seen words or topics where the teacher may have seen meaning.
- It learned from the posts of a while. As what people talk about changes it gets worse: measure it again with
  \`feedtrial eval ${plan.labeler} --gold FILE\`.
- Its score is another measurement than its teacher's. \`obs_labels__switch_over\` says how the distribution shifts where it steps in.
`;
}
