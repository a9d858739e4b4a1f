// Asks labelers about the posts in the queue. 'enrich.ts --shard 1/3' on the first of three machines.
import { periodic, scriptArguments } from './job.ts';

const { rest: given } = scriptArguments(process.argv.slice(2));
const at = given.indexOf('--shard');
const part = at === -1 ? '' : `-${(given[at + 1] ?? '').replace('/', '-of-')}`;

await periodic(`enrich${part}`, ({ feedtrial, rest }) => feedtrial`enrich ${rest}`);
