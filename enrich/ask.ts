import { FeedtrialError, describeError } from '../ops/errors/index.ts';
import type { Answer, OpenLabeler, QueuedPost } from './labeler.ts';
import { invalidAnswer } from './rows.ts';

/**
 * Asks about a batch so that a bad post costs only itself: where the labeler throws, the batch is halved until the post
 * that it can't bear stands alone, and that one is answered 'failed'.
 * @returns one answer a post, in the order of the posts
 * @throws FeedtrialError where the labeler says that it can't go on at all
 */
export async function askBatch(
  labeler: OpenLabeler,
  posts: readonly QueuedPost[],
  signal: AbortSignal,
): Promise<Answer[]> {
  try {
    const answers = await labeler.ask(posts, signal);
    if (answers.length !== posts.length)
      throw new Error(`expected ${posts.length} answers, got ${answers.length}`);
    return answers.map((answer) => {
      const wrong = invalidAnswer(answer);
      return wrong === null ? answer : { status: 'failed', error: wrong };
    });
  } catch (error) {
    if (error instanceof FeedtrialError || signal.aborted) throw error;
    if (posts.length <= 1) return posts.map(() => ({ status: 'failed', error: describeError(error) }));
    const middle = posts.length >> 1;
    const first = await askBatch(labeler, posts.slice(0, middle), signal);
    return [...first, ...(await askBatch(labeler, posts.slice(middle), signal))];
  }
}
