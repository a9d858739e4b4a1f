// Builds the models up to ranking. Where stages are scheduled by themselves; 'cycle' does all of them.
import { periodic } from './job.ts';

await periodic('transform', ({ feedtrial }) => feedtrial`transform`);
