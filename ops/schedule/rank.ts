// Ranks and publishes a generation.
import { periodic } from './job.ts';

await periodic('rank', ({ feedtrial }) => feedtrial`rank`);
