// Land, transform, enrich, rank, publish, observe: the chain once. Every hour.
import { periodic } from './job.ts';

await periodic('cycle', ({ feedtrial }) => feedtrial`cycle`);
