import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { LabelValue } from '../labeler.ts';

/** What an LLM is asked about a post: one file here, and its prompt beside it. */
export interface LlmTask<Schema extends z.ZodObject = z.ZodObject> {
  /** Its labeler is `llm_<name>`, its prompt `tasks/<name>.md`. */
  name: string;
  /** Raised with a change that the prompt and the schema don't show. */
  version: number;
  /** Model that it was written for; FEEDTRIAL_LLM_MODEL takes its place. */
  model: string;
  /** US dollars a million tokens of that model, as of the day the task was written. */
  price: { input: number; output: number };
  /** The answer on one post. */
  schema: Schema;
  labels: readonly string[];
  /** Tokens that an answer on one post takes at most, its JSON included. */
  tokensPerPost: number;
  /** Labels from an answer. */
  values(answer: z.infer<Schema>): LabelValue[];
}

/** Ties an answer's type to its schema. */
export const defineTask = <Schema extends z.ZodObject>(task: LlmTask<Schema>): LlmTask => task;

/** The prompt's text. */
export const promptOf = (task: Pick<LlmTask, 'name'>): string =>
  readFileSync(path.join(import.meta.dirname, 'tasks', `${task.name}.md`), 'utf8').trim();

/**
 * What the labels carry as their version: whoever changes the model, the prompt or the schema gets another, and nothing
 * that was said under the old one passes for the new.
 */
export function taskVersion(task: LlmTask, model: string): string {
  const asked = JSON.stringify([promptOf(task), z.toJSONSchema(task.schema), task.tokensPerPost]);
  return `${task.version}-${model}-${createHash('sha256').update(asked).digest('hex').slice(0, 12)}`;
}
