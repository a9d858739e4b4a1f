import { z } from 'zod';
import { defineTask } from '../task.ts';

/** Whether a post is about politics or society, and the leaning that it voices. */
export const sociopolitical = defineTask({
  name: 'sociopolitical',
  version: 1,
  model: 'gpt-4o-mini',
  price: { input: 0.15, output: 0.6 },
  schema: z.strictObject({
    is_sociopolitical: z.boolean(),
    ideology: z.enum(['left', 'right', 'moderate', 'unclear', 'none']),
  }),
  labels: ['sociopolitical', 'ideology'],
  tokensPerPost: 60,
  values: ({ is_sociopolitical, ideology }) => [
    { label: 'sociopolitical', score: is_sociopolitical ? 1 : 0 },
    // an ideology of what isn't political is a slip of the model, not a finding
    { label: 'ideology', score: null, textValue: is_sociopolitical ? ideology : 'none' },
  ],
});
