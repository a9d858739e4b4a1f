// Writes what leaves for analysis. Every night.
import { periodic } from './job.ts';

await periodic('export', ({ feedtrial, rest }) => feedtrial`export ${rest}`);
