// Computes alerts between two cycles, and where no cycle gets that far. Every quarter of an hour.
import { periodic } from './job.ts';

await periodic('observe', ({ feedtrial }) => feedtrial`observe`);
