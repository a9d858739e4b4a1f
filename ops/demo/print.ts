import { stripVTControlCharacters, styleText } from 'node:util';
import type { ExplainedPost, FeedSummary } from './explain.ts';

/** One feed of the comparison. */
export interface ShownFeed {
  title: string;
  /** Under the title: who reads it. */
  reader: string;
  posts: ExplainedPost[];
  summary: FeedSummary | undefined;
}

export interface PrintOptions {
  /** Characters that a line may have. */
  columns: number;
  /** Positions to show. */
  positions: number;
  color: boolean;
}

type Style = Parameters<typeof styleText>[0];

/** East Asian wide and fullwidth characters, and emoji: two columns each. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(stripVTControlCharacters(text)))
    width += wide.test(segment) ? 2 : 1;
  return width;
}

function cut(text: string, width: number): string {
  // a post is a stranger's text: what would steer the terminal is left out
  const clean = stripVTControlCharacters(text)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
  if (widthOf(clean) <= width) return clean;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(clean)) {
    if (widthOf(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
const two = (value: number | null): string => (value === null ? '-' : value.toFixed(2));
const age = (hours: number): string =>
  hours < 1 ? `${Math.round(hours * 60)} min` : `${hours.toFixed(1)} h`;

/** What a post is, at a glance. */
function mark(post: ExplainedPost): { sign: string; style: Style } {
  if (post.isSuperposter) return { sign: 'S', style: 'yellow' };
  if ((post.sociopolitical ?? 0) < 0.5) return { sign: '.', style: 'reset' };
  return (post.toxic ?? 0) > (post.constructive ?? 0)
    ? { sign: '-', style: 'red' }
    : { sign: '+', style: 'green' };
}

function scoreLine(post: ExplainedPost): string {
  if (post.likeScore === null || post.freshnessScore === null)
    return `newest first, ${age(post.ageHours)} old`;
  const engagement = `${two(post.likeScore)} likes + ${two(post.freshnessScore)} fresh`;
  if (post.treatmentMultiplier === null) return `${two(post.score)} = ${engagement}`;
  const superposter =
    post.superposterMultiplier === null || post.superposterMultiplier === 1
      ? ''
      : ` x S${two(post.superposterMultiplier)}`;
  return `${two(post.score)} = (${engagement}) x T${post.treatmentMultiplier.toFixed(3)}${superposter}`;
}

function cell(post: ExplainedPost | undefined, place: number, width: number, color: boolean): string[] {
  if (!post) return ['', '', '', ''];
  const { sign, style } = mark(post);
  const paint = (text: string, with_: Style): string =>
    color ? styleText(with_, text, { validateStream: false }) : text;
  const author = (post.handle ?? `${post.authorDid.slice(0, 16)}…`).replace(/\.test$/, '');
  const network = post.isInNetwork ? 'follows' : 'not followed';
  const head = `${String(place).padStart(2)} ${sign} `;
  return [
    paint(head + cut(`${author} (${network}, ${age(post.ageHours)})`, width - head.length), style),
    `   ${cut(post.text ?? '(its text is gone)', width - 3)}`,
    paint(`   ${cut(scoreLine(post), width - 3)}`, 'dim'),
    paint(
      `   ${cut(`toxic ${two(post.toxic)} constructive ${two(post.constructive)} civic ${two(post.sociopolitical)}`, width - 3)}`,
      'dim',
    ),
  ];
}

/** The feeds side by side, position by position; fewer columns a line where the terminal is narrow. */
export function formatComparison(feeds: readonly ShownFeed[], options: PrintOptions): string {
  const { columns, positions, color } = options;
  const gap = 3;
  const narrowest = 44;
  const across = Math.max(1, Math.min(feeds.length, Math.floor((columns + gap) / (narrowest + gap))));
  const width = Math.floor((columns - gap * (across - 1)) / across);
  const lines: string[] = [];
  for (let from = 0; from < feeds.length; from += across) {
    const shown = feeds.slice(from, from + across);
    const row = (cells: string[]): void => {
      lines.push(
        cells
          .map((text) => pad(text, width))
          .join(' '.repeat(gap))
          .trimEnd(),
      );
    };
    const bold = (text: string): string =>
      color ? styleText('bold', text, { validateStream: false }) : text;
    row(shown.map((feed) => bold(cut(feed.title, width))));
    row(shown.map((feed) => cut(feed.reader, width)));
    row(shown.map(() => '-'.repeat(width)));
    for (let i = 0; i < positions; i++) {
      const cells = shown.map((feed) => cell(feed.posts[i], i + 1, width, color));
      if (cells.every((lines_) => lines_.every((line) => line === ''))) break;
      for (let line = 0; line < 4; line++) row(cells.map((lines_) => lines_[line] ?? ''));
    }
    lines.push('');
  }
  return lines.join('\n');
}

/** What the first positions of each feed are like, a column a feed. */
export function formatSummaries(feeds: readonly ShownFeed[], first: number): string {
  const rows: [string, (summary: FeedSummary) => string][] = [
    ['mean toxic', (s) => (s.meanToxic === null ? '-' : s.meanToxic.toFixed(3))],
    ['mean constructive', (s) => (s.meanConstructive === null ? '-' : s.meanConstructive.toFixed(3))],
    ['civic posts', (s) => String(s.civicPosts)],
    ['mean likes', (s) => (s.meanLikes === null ? '-' : s.meanLikes.toFixed(1))],
    ['mean age', (s) => (s.meanAgeHours === null ? '-' : age(s.meanAgeHours))],
    ['from followed accounts', (s) => String(s.inNetworkPosts)],
    ['by superposters', (s) => String(s.superposterPosts)],
    [
      "superposter's best place *",
      (s) => (s.superposterPlace === null ? 'none' : String(s.superposterPlace)),
    ],
  ];
  const label = Math.max(...rows.map(([name]) => name.length));
  const widths = feeds.map((feed) => Math.max(feed.title.length, 10));
  const table = rows.map(
    ([name, value]) =>
      `${pad(name, label)}  ${feeds.map((feed, i) => pad(feed.summary ? value(feed.summary) : '-', widths[i] as number)).join('  ')}`,
  );
  return [
    `${pad(`first ${first} positions`, label)}  ${feeds.map((feed, i) => pad(feed.title, widths[i] as number)).join('  ')}`,
    ...table.map((line) => line.trimEnd()),
    '* in the whole feed, before the bounded shuffle',
  ].join('\n');
}

export const legend =
  '+ civic, more constructive than toxic   - civic, more toxic than constructive   S by a superposter   . neither   T what the treatment multiplies by';
