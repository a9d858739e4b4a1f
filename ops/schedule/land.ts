// Moves what capture and the server have sealed into the lake. Every ten minutes.
import { periodic } from './job.ts';

await periodic('land', ({ feedtrial }) => feedtrial`land`);
