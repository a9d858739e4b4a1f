import { z } from 'zod';
import { defineTask } from '../task.ts';

/** Whether a post speaks of a social group in its relation to another. */
export const intergroup = defineTask({
  name: 'intergroup',
  version: 1,
  model: 'gpt-4o-mini',
  price: { input: 0.15, output: 0.6 },
  schema: z.strictObject({ is_intergroup: z.boolean() }),
  labels: ['intergroup'],
  tokensPerPost: 40,
  values: ({ is_intergroup }) => [{ label: 'intergroup', score: is_intergroup ? 1 : 0 }],
});
