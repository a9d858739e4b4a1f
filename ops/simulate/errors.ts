import { EXIT, FeedtrialError } from '../errors/index.ts';

export const simulateErrors = {
  noGeneration: () =>
    new FeedtrialError('FT_SIMULATE_NOTHING', 'there is no generation whose posts could be ranked again', {
      fix: "run 'feedtrial rank' once, or give posts of your own: --posts FILE.csv",
      exitCode: EXIT.usage,
    }),
  notStored: (generation: string, file: string) =>
    new FeedtrialError('FT_SIMULATE_GENERATION', `generation ${generation} does not hold ${file}`, {
      fix: 'name one that was published and not compacted yet',
      exitCode: EXIT.usage,
    }),
  model: (model: string, from: string, detail: string, cause: unknown) =>
    new FeedtrialError('FT_SIMULATE_MODEL', `${model} can not be built from ${from}: ${detail}`, {
      fix: "correct the model; if it reads a column that int_posts__rankable has gained, run 'feedtrial rank' first: generations have it from then on, posts of a file never",
      exitCode: EXIT.usage,
      cause,
    }),
  posts: (file: string, detail: string, cause?: unknown) =>
    new FeedtrialError('FT_SIMULATE_POSTS', `${file} can not be used as posts: ${detail}`, {
      fix: 'give a CSV with uri, created_at, and if there are any num_likes, prob_toxic, prob_constructive, human_civic',
      exitCode: EXIT.usage,
      cause,
    }),
};
