import { EXIT, FeedtrialError } from '../ops/errors/index.ts';

export const enrichErrors = {
  unknownLabeler: (name: string, known: readonly string[]) =>
    new FeedtrialError('FT_ENRICH_UNKNOWN_LABELER', `there is no labeler '${name}'`, {
      fix: `name one or more of: ${known.join(', ')}`,
      exitCode: EXIT.usage,
    }),
  badShard: (given: string) =>
    new FeedtrialError('FT_ENRICH_SHARD', `expected a shard such as 1/4 (first of four), got '${given}'`, {
      fix: 'give --shard i/n with 1 <= i <= n, the same n on every machine',
      exitCode: EXIT.usage,
    }),
  badQueuePointer: (detail: string) =>
    new FeedtrialError('FT_ENRICH_QUEUE', `queue/current.json is not usable: ${detail}`, {
      fix: "run 'feedtrial transform', which writes the queue and then its pointer",
    }),
  otherVersion: (labeler: string, has: string, asked: readonly string[]) =>
    new FeedtrialError(
      'FT_ENRICH_VERSION',
      `the queue asks for ${labeler} at version ${asked.join(', ')}, but here it is ${has}`,
      {
        fix: `put the version that is here into seeds/labelers.csv and run 'feedtrial transform', or install the other one`,
        exitCode: EXIT.usage,
      },
    ),
  noBatches: (labeler: string) =>
    new FeedtrialError('FT_ENRICH_NO_BATCHES', `${labeler} can't be asked in batches`, {
      fix: "leave --batch out, or name LLMs alone: 'feedtrial enrich llm --batch'",
      exitCode: EXIT.usage,
    }),
  weightsMissing: (what: string, looked: readonly string[]) =>
    new FeedtrialError(
      'FT_ENRICH_WEIGHTS_MISSING',
      `the weights of ${what} were not found; looked in ${looked.join(', ') || 'no folder'}`,
      {
        fix: "run 'npm run setup', or set FEEDTRIAL_MODELS to a folder with model.onnx, tokenizer.json and tokenizer_config.json",
        exitCode: EXIT.usage,
      },
    ),
  weightsBroken: (file: string, detail: string, cause?: unknown) =>
    new FeedtrialError('FT_ENRICH_WEIGHTS_BROKEN', `${file} can't be used: ${detail}`, {
      fix: "put back the file as it was committed, or train it again with 'feedtrial train starter'",
      cause,
    }),
  otherEmbeddings: (student: string, trainedOn: string, has: string) =>
    new FeedtrialError(
      'FT_ENRICH_OTHER_EMBEDDINGS',
      `${student} was trained on embeddings of model ${trainedOn}, but the model here is ${has}`,
      {
        fix: "unset FEEDTRIAL_MODELS to use the model it knows, or train it again with 'feedtrial train starter'",
        exitCode: EXIT.usage,
      },
    ),
  busy: (labeler: string, stream: string) =>
    new FeedtrialError(
      'FT_ENRICH_BUSY',
      `another run of ${labeler} is at work on this machine (${stream}); two would ask twice`,
      {
        fix: 'wait until it has ended; to share the work use --shard i/n with the same n in every run',
      },
    ),
  allFailed: (labeler: string, posts: number, last: string) =>
    new FeedtrialError(
      'FT_ENRICH_ALL_FAILED',
      `${labeler} failed on each of the first ${posts} posts, the last time with: ${last}`,
      {
        fix: 'look at what it says; the posts keep their attempts, so the next run asks them again',
      },
    ),
  untrained: (labeler: string, label: string) =>
    new FeedtrialError('FT_ENRICH_UNTRAINED', `${labeler} has not been trained yet`, {
      fix: `run 'feedtrial train student ${label}' once its teacher has labelled enough posts`,
      exitCode: EXIT.usage,
    }),
  unknownStudent: (name: string, known: readonly string[]) =>
    new FeedtrialError('FT_TRAIN_UNKNOWN', `there is no student '${name}' to train`, {
      fix: `name one of: ${known.join(', ')}`,
      exitCode: EXIT.usage,
    }),
  nothingLabelled: () =>
    new FeedtrialError(
      'FT_TRAIN_NOTHING',
      'no post has been queued for a label yet, so there is nothing to learn from',
      {
        fix: "run 'feedtrial cycle', or 'feedtrial transform' and then 'feedtrial enrich'",
      },
    ),
  badTeacher: (given: string) =>
    new FeedtrialError(
      'FT_TRAIN_TEACHER',
      `expected a teacher such as perspective:TOXICITY, got '${given}'`,
      {
        fix: 'give the labeler and its label, with a colon between; both must be in seeds/label_precedence.csv',
        exitCode: EXIT.usage,
      },
    ),
  tooFewExamples: (
    teacher: { labeler: string; label: string },
    all: number,
    train: number,
    heldOut: number,
    fewest: { train: number; heldOut: number },
  ) =>
    new FeedtrialError(
      'FT_TRAIN_TOO_FEW',
      `${teacher.labeler} has said ${teacher.label} of ${all} posts; split by author and time they leave ${train} to learn from (${fewest.train} are needed) and ${heldOut} to measure on (${fewest.heldOut} are needed)`,
      { fix: `let it label more: 'feedtrial enrich ${teacher.labeler}', on several days` },
    ),
  notBetter: (
    label: string,
    figure: string,
    gain: { value: number; low: number; high: number },
    posts: number,
  ) =>
    new FeedtrialError(
      'FT_TRAIN_NOT_BETTER',
      `the new student for '${label}' is not better than the one in place: ${figure} ${gain.value.toFixed(4)} [${gain.low.toFixed(4)}, ${gain.high.toFixed(4)}] on the same ${posts} held-out posts; nothing was written`,
      {
        fix: 'train it again when its teacher has labelled more; --force replaces the one in place all the same',
        exitCode: EXIT.refused,
      },
    ),
  badGold: (file: string, detail: string, cause?: unknown) =>
    new FeedtrialError('FT_EVAL_GOLD', `${file} can't be used as a gold file: ${detail}`, {
      fix: "give a CSV with the columns 'text' and 'label' (1 or 0), or name others by --text-column and --label-column",
      exitCode: EXIT.usage,
      cause,
    }),
  noSuchLabel: (labeler: string, label: string, labels: readonly string[]) =>
    new FeedtrialError('FT_EVAL_LABEL', `${labeler} gives no label '${label}'`, {
      fix:
        labels.length > 0
          ? `give --label with one of: ${labels.join(', ')}`
          : 'it gives vectors, which people can not judge',
      exitCode: EXIT.usage,
    }),
  dataMissing: (file: string) =>
    new FeedtrialError('FT_TRAIN_DATA_MISSING', `training data ${file} was not found`, {
      fix: 'give --data FOLDER, or set FEEDTRIAL_DATA, to the folder with toxicity/ and pilot/',
      exitCode: EXIT.usage,
    }),
};
