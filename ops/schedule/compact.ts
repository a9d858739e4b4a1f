// Folds ended days into one file each. Every night.
import { periodic } from './job.ts';

await periodic('compact', ({ feedtrial }) => feedtrial`land --compact`);
