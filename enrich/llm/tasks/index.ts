import type { Config } from '../../../ops/config/index.ts';
import type { LlmTask } from '../task.ts';
import { intergroup } from './intergroup.ts';
import { sociopolitical } from './sociopolitical.ts';

/** Every task. A new one is a file here with its prompt beside it. */
export const tasks: readonly LlmTask[] = [sociopolitical, intergroup];

/** Models that the tasks are asked of: FEEDTRIAL_LLM_MODEL, else each task's own. */
export const llmModels = ({ llmModel }: Pick<Config, 'llmModel'>): string[] => [
  ...new Set(tasks.map((task) => llmModel ?? task.model)),
];
