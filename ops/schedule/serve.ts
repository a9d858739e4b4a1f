// Serves the feeds, and starts the server again where it ends badly. Always on.
import { resident } from './job.ts';

await resident('serve', ({ feedtrial, rest }) => feedtrial`serve ${rest}`);
