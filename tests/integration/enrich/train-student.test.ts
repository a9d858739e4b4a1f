import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { splitByHash } from '../../../enrich/students/folds.ts';
import { ngramLogit, sigmoid } from '../../../enrich/students/ngram-student.ts';
import { createNgramHasher } from '../../../enrich/students/ngrams.ts';
import { trainStudent, type TrainStudentOptions } from '../../../enrich/students/train-student.ts';
import { decodeNgramStudent } from '../../../enrich/students/weights-file.ts';
import { openEngine, sqlText } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { EXIT } from '../../../ops/errors/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

silenceProgress();

const rude = ['zorble', 'grint', 'flarn', 'skree'];
const kind = ['meadow', 'kettle', 'lantern', 'harbour', 'pebble', 'orchard', 'ribbon', 'willow'];

/**
 * Posts of sixty people over a hundred days, in made-up words, with a teacher's score; `score` is given what the post says.
 * @returns path of the Parquet in the lake
 */
async function writeExamples(
  config: Config,
  name: string,
  score: (rudeWords: number) => number,
  posts = 1_500,
): Promise<string> {
  const random = seededRandom(3);
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] as string;
  const lines = Array.from({ length: posts }, (_, i) => {
    const rudeWords = Math.floor(random() * 4);
    const words = [
      ...Array.from({ length: rudeWords }, () => pick(rude)),
      ...Array.from({ length: 8 }, () => pick(kind)),
    ];
    const did = `did:plc:person${i % 60}`;
    return JSON.stringify({
      uri: `at://${did}/app.bsky.feed.post/${i}`,
      cid: `cid${i}`,
      did,
      text: words.sort(() => random() - 0.5).join(' '),
      event_us: 1_700_000_000_000_000 + Math.floor((i / posts) * 100) * 86_400_000_000 + i,
      labeler: 'perspective',
      version: 'teacher-1',
      source_label: 'TOXICITY',
      score: score(rudeWords),
    });
  });
  const folder = path.join(config.lake, 'training/publish=test');
  mkdirSync(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.ndjson`), lines.join('\n'));
  const engine = await openEngine();
  try {
    await engine.run(
      `COPY (FROM read_json(${sqlText(path.join(folder, `${name}.ndjson`))})) TO ${sqlText(path.join(folder, `${name}.parquet`))}`,
    );
  } finally {
    await engine.close();
  }
  return `training/publish=test/${name}.parquet`;
}

const graded = (rudeWords: number): number => 0.05 + 0.25 * rudeWords;

it('a student is distilled, measured on later posts by other people, calibrated, and written with its card; only a better one replaces it', async () => {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_STUDENTS: 'students' });
  const out = path.join(temporaryFolder(), 'out');
  const train = (examples: string, more: Partial<TrainStudentOptions> = {}) =>
    trainStudent({ config, label: 'toxic', examples, out, ...more });
  const examples = await writeExamples(config, 'graded', graded);

  const first = await train(examples);
  const text = readFileSync(first.file, 'utf8');
  expect(first.version).toBe(createHash('sha256').update(text).digest('hex'));
  const { report } = first;
  const people = Array.from({ length: 60 }, (_, i) => `did:plc:person${i}`);
  const setAside = people.filter((did) => splitByHash(`held out ${did}`, 5) === 0);
  expect(report.heldOutAuthors).toBe(setAside.length);
  expect(report.trained).toBe(Math.floor((1_500 * 0.8 * (60 - setAside.length)) / 60));
  expect(report.teacherVersion).toBe('teacher-1');
  expect(report.spearman?.value).toBeGreaterThan(0.8);
  expect(report.gain?.value).toBeGreaterThan(0); // the starter has never seen these words
  expect(report.calibration).toBeLessThan(0.1);

  // what was measured is what was written
  const model = decodeNgramStudent(first.file, text);
  const hasher = createNgramHasher(model.space);
  const score = (post: string): number => sigmoid(ngramLogit(model, post, hasher));
  expect(score('zorble grint flarn meadow kettle pebble willow ribbon')).toBeGreaterThan(
    score('meadow kettle lantern pebble willow ribbon harbour orchard'),
  );
  const card = readFileSync(first.file.replace(/json$/, 'md'), 'utf8');
  expect(card).toContain(first.version);
  expect(card).toContain(`${report.heldOut} posts by ${report.heldOutAuthors} authors`);

  // the same examples again give the same student, which is no better than itself
  await expect(train(examples)).rejects.toMatchObject({
    code: 'FT_TRAIN_NOT_BETTER',
    exitCode: EXIT.refused,
  });
  expect(readFileSync(first.file, 'utf8')).toBe(text);
  expect(readFileSync(first.file.replace(/json$/, 'md'), 'utf8')).toBe(card);

  // whoever insists may replace it, and people may judge it as well
  const gold = path.join(temporaryFolder(), 'gold.csv');
  await writeFile(
    gold,
    'text,label,author\nzorble grint meadow,1,a\nkettle willow,0,b\nskree flarn,1,c\npebble,0,d\n',
  );
  const judged = await train(examples, { force: true, gold });
  expect(judged.version).toBe(first.version);
  expect(judged.report.people).toMatchObject({ value: 1, n: 4 });
  expect(existsSync(`${first.file}.tmp`)).toBe(false);
});

it('too few examples are no training, and an unknown student is named', async () => {
  const config = configIn(temporaryFolder());
  const examples = await writeExamples(config, 'few', graded, 300);
  const out = temporaryFolder();
  await expect(trainStudent({ config, label: 'toxic', examples, out })).rejects.toMatchObject({
    code: 'FT_TRAIN_TOO_FEW',
  });
  // the starter for 'constructive' follows another score: it is nobody's successor
  await expect(trainStudent({ config, label: 'constructive', examples, out })).rejects.toMatchObject({
    code: 'FT_TRAIN_UNKNOWN',
  });
});
