/** The feed server that Bluesky's clients ask. */
export { serve, type ServeOptions } from './serve.ts';
export { startServer, type RunningServer, type ServerOptions } from './server.ts';
