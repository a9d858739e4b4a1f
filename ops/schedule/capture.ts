// Follows a stream of the network, and starts again where it ends badly. Always on; one for each source:
//   capture.ts --source firehose    capture.ts --source moderation    capture.ts --source firehose --take-over
import { resident, scriptArguments } from './job.ts';

const { rest: given } = scriptArguments(process.argv.slice(2));
const at = given.indexOf('--source');
const source = at === -1 ? 'firehose' : (given[at + 1] ?? '');

await resident(`capture-${source}`, ({ feedtrial, rest }) =>
  at === -1 ? feedtrial`capture --source firehose ${rest}` : feedtrial`capture ${rest}`,
);
