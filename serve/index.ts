/** The feed server that Bluesky's clients ask. */
export { serve, type ServeOptions } from './serve.ts';
export {
  listFeeds,
  registerFeed,
  unregisterFeed,
  type Publisher,
  type RegisterOptions,
  type Registration,
} from './registration/register.ts';
export { serviceProblem } from './registration/service-document.ts';
export { startServer, type RunningServer, type ServerOptions } from './server.ts';
