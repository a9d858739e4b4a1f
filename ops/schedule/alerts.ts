// Tells whoever is configured of what is new or over. Every five minutes; it needs nothing but the lake.
import { periodic } from './job.ts';

await periodic('alerts', ({ feedtrial }) => feedtrial`alerts --notify`);
