import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { openEmbedder } from '../embeddings/embedder.ts';
import { enrichErrors } from '../errors.ts';
import { embeddingCard, toxicCard, type EmbeddingCard } from './cards.ts';
import { parseCsv } from './csv.ts';
import { starterFile, starterFolder, type StarterLabel } from './starter.ts';
import { trainOnEmbeddings, type EmbeddingReport } from './train-on-embeddings.ts';
import { trainToxic, type ToxicReport } from './train-toxic.ts';
import { encodeEmbeddingStudent, encodeNgramStudent } from './weights-file.ts';

export interface TrainStarterOptions {
  config: Config;
  /** Folder with toxicity/comments.csv, toxicity/tweets.csv and pilot/pilot_posts.csv. */
  data: string;
  /** Where weights and cards go; the checkout's own by default. */
  out?: string;
}

export interface TrainedStudent {
  label: StarterLabel;
  version: string;
  report: ToxicReport | EmbeddingReport;
}

const embeddingStudents: (EmbeddingCard & { label: StarterLabel; column: string })[] = [
  {
    label: 'sociopolitical',
    title: 'sociopolitical',
    column: 'human_civic',
    target:
      'the answer of a person to whether the post is civic, yes or no; posts without an answer are left out.',
    observed: 'share of civic posts',
    warnings: [
      'More than half of its posts were civic; of all posts on the network about a fifth are. On the network at large it therefore says yes too often at 0.5: look at its distribution before choosing the threshold in the seeds.',
      'Civic as those annotators understood it, in the politics of the United States in an election year.',
    ],
  },
  {
    label: 'constructive',
    title: 'constructive',
    column: 'prob_constructive',
    target: "Perspective's probability that the post is constructive.",
    observed: 'mean teacher score',
    warnings: [
      "It learned Perspective's CONSTRUCTIVE. The study ranked by REASONING in its place, which is another score: this student never stands in for it, and `study` precedence doesn't name it.",
    ],
  },
  {
    label: 'moral_outrage',
    title: 'moral outrage',
    column: 'prob_moral_outrage',
    target: "Perspective's probability that the post expresses moral outrage.",
    observed: 'mean teacher score',
    warnings: [
      'It sees the topic before the tone: a calm post on a heated topic scores higher than it should.',
    ],
  },
];

/**
 * Trains the four starter students from published research data, measures them on what they did not see, and writes
 * weights and model cards. Takes under a minute on two cores.
 * @throws FeedtrialError FT_TRAIN_DATA_MISSING, FT_ENRICH_WEIGHTS_MISSING
 */
export async function trainStarter(options: TrainStarterOptions): Promise<TrainedStudent[]> {
  const { config, data, out = starterFolder } = options;
  const files = {
    comments: path.join(data, 'toxicity', 'comments.csv'),
    tweets: path.join(data, 'toxicity', 'tweets.csv'),
    pilot: path.join(data, 'pilot', 'pilot_posts.csv'),
  };
  for (const file of Object.values(files)) if (!existsSync(file)) throw enrichErrors.dataMissing(file);
  await mkdir(out, { recursive: true });
  const progress = createProgress({ label: 'train starter', total: 4, unit: 'students' });
  const trained: TrainedStudent[] = [];
  const write = async (label: StarterLabel, text: string, card: (version: string) => string) => {
    const version = createHash('sha256').update(text).digest('hex');
    await writeFile(starterFile(label, out), text);
    await writeFile(path.join(out, `${label}.md`), card(version));
    progress.advance();
    return version;
  };

  progress.note('toxic');
  const toxic = trainToxic(files);
  const toxicText = encodeNgramStudent('toxic', toxic.model);
  const toxicVersion = await write('toxic', toxicText, (version) =>
    toxicCard(version, toxicText.length, toxic.report),
  );
  trained.push({ label: 'toxic', version: toxicVersion, report: toxic.report });

  const pilot = parseCsv(readFileSync(files.pilot, 'utf8'));
  const embedder = await openEmbedder(config);
  try {
    const embeddings = await embedder.embed(pilot.map((row) => row['text'] ?? ''));
    for (const student of embeddingStudents) {
      progress.note(student.label);
      const examples = pilot.flatMap((row, i) =>
        row[student.column] === undefined || row[student.column] === ''
          ? []
          : [
              {
                embedding: embeddings[i] as Float32Array,
                target: Number(row[student.column]),
                author: (row['uri'] ?? '').split('/')[2] ?? '',
              },
            ],
      );
      const { model, report } = trainOnEmbeddings(examples, embedder.version);
      const version = await write(student.label, encodeEmbeddingStudent(student.label, model), (v) =>
        embeddingCard(student, v, embedder.version, report),
      );
      trained.push({ label: student.label, version, report });
    }
  } finally {
    await embedder.close();
  }
  progress.done();
  return trained;
}
