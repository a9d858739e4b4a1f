import type { LlmTask } from '../task.ts';
import { intergroup } from './intergroup.ts';
import { sociopolitical } from './sociopolitical.ts';

/** Every task. A new one is a file here with its prompt beside it. */
export const tasks: readonly LlmTask[] = [sociopolitical, intergroup];
