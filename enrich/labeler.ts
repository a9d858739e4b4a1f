import type { Config } from '../ops/config/index.ts';
import type { FeedtrialError } from '../ops/errors/index.ts';
import type { LlmTask } from './llm/task.ts';
import type { Embedder } from './embeddings/embedder.ts';
import type { Shard } from './shard.ts';

/** A post as the queue hands it to a labeler. */
export interface QueuedPost {
  uri: string;
  cid: string;
  did: string;
  /** Standardised by the models. */
  text: string;
  /** Which attempt this is, from 1. */
  attempt: number;
  /** Stored embedding of this text, for a labeler that reads embeddings; null where none is stored. */
  embedding: Float32Array | null;
}

/** One thing that a labeler says of a post. */
export interface LabelValue {
  label: string;
  /** From 0 to 1; null where the labeler gives no number. */
  score: number | null;
  /** A value that is no number, such as 'en'. */
  textValue?: string;
}

/** A label that an answer lacks although the post has others: a row of its own says why. */
export interface Missing {
  label: string;
  /** Code and message; becomes the row's `error`. */
  error: string;
}

/** What one ask cost; left out where nothing was counted. */
export interface Usage {
  latencyMs?: number;
  tokensIn?: number;
  tokensOut?: number;
  costUsd?: number;
}

/** A labeler's word on one post. */
export type Answer =
  | { status: 'ok'; values: readonly LabelValue[]; without?: readonly Missing[]; usage?: Usage }
  | { status: 'ok'; embedding: Float32Array; usage?: Usage }
  | {
      status: 'failed' | 'refused' | 'skipped';
      /** Code and message; becomes the row's `error`. */
      error: string;
      usage?: Usage;
    };

/** What a labeler may use while it is open. */
export interface LabelerContext {
  config: Config;
  /** The run that asks. */
  runId: string;
  /** Which part of the posts this run labels, and how many share a service's limits; the whole by default. */
  shard?: Shard | undefined;
  /** Posts that go into one prompt of an LLM; one where it is left out. */
  postsPerPrompt?: number | undefined;
  /** The embedding model, loaded at the first call and shared by all labelers of a run. */
  embedder: () => Promise<Embedder>;
}

export interface OpenLabeler {
  /**
   * Labels a batch.
   * @returns one answer a post, in the order of the posts
   * @throws FeedtrialError where the labeler itself can't go on (a bad key, a quota): it stops, and nothing is recorded
   *   against the posts. One whose exit code is `EXIT.partial` says that a limit was reached which someone set, such as
   *   a ceiling of cost: the labeler has stopped, not failed. Any other error is taken as a bad post's doing: the runner halves the batch until it has found
   *   that post, and records the failure with it alone.
   */
  ask(posts: readonly QueuedPost[], signal: AbortSignal): Promise<readonly Answer[]>;
  /** What must be said of its answers, such as that a fake gave them; null where nothing must. */
  caveat?(): string | null;
  close(): Promise<void>;
}

/** A labeler is one file that exports one of these. */
export interface Labeler {
  /** As in seeds/labelers.csv and in `labels/values/labeler=<name>`. */
  readonly name: string;
  /** Labels that it gives; none for the embedding model. */
  readonly labels: readonly string[];
  /** Posts an ask. */
  readonly batchSize: number;
  /** Posts an ask where the run has a say in it. */
  postsPerAsk?(context: Pick<LabelerContext, 'postsPerPrompt'>): number;
  /** Asks in flight at most: 1 for a model on this machine, more for a service. */
  readonly concurrency: number | ((config: Config) => number);
  /** Posts a second at most; null for as fast as it goes. */
  readonly ratePerSecond: number | null;
  /** What the rows carry, so that a change of model is a new version: a model's sha256 where it is one. */
  version(config: Config): Promise<string>;
  /** Version of the embeddings that it reads where they are stored; left out by a labeler that reads text alone. */
  embeddingVersion?(config: Config): Promise<string>;
  /**
   * Why it can't be asked here at all, such as a key that isn't set; null where it can. A run that asks for all labelers
   * passes over those; a run that names one ends with its error.
   */
  notReady?(config: Config): FeedtrialError | null;
  /** Begins to load what `open` will wait for, while the run still looks at its queue. */
  warmUp?(): void;
  /** What an LLM is asked, for who asks it by another road, such as in batches. */
  readonly llmTask?: LlmTask;
  open(context: LabelerContext): Promise<OpenLabeler>;
}
