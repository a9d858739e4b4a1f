// Copies what can not be made again to FEEDTRIAL_BACKUP. Every night.
import { periodic } from './job.ts';

await periodic('backup', ({ feedtrial, rest }) => feedtrial`backup ${rest}`);
