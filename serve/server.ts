import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { openLake } from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import { describeError } from '../ops/errors/index.ts';
import { log } from '../ops/telemetry/index.ts';
import { openConfiguredStudy, openMembership, openStudyStore, resolveDid } from '../study/index.ts';
import { openKeys } from './auth/keys.ts';
import { openReplays } from './auth/replays.ts';
import { XrpcError, serveErrors } from './errors.ts';
import { openAnswerContext } from './exposures/context.ts';
import { openExposureLog } from './exposures/log.ts';
import { openFirstRequests } from './first-requests.ts';
import { openGenerations } from './feeds/generations.ts';
import { openTombstones } from './feeds/tombstones.ts';
import { openLimits } from './limits.ts';
import { openMetrics } from './metrics.ts';
import { previewRoute } from './preview/route.ts';
import { describeRoutes } from './routes/describe.ts';
import { feedSkeletonRoute } from './routes/feed-skeleton.ts';
import { healthRoutes } from './routes/health.ts';
import { interactionsRoute } from './routes/interactions.ts';
import { studyRoutes } from './routes/study.ts';
import { isOfThisStudy, type Service } from './service.ts';

export interface ServerOptions {
  config: Config;
  /** Default the configured port; 0 picks a free one. */
  port?: number;
  /** How often the pointer is looked at; default 1 s. Tombstones are looked for five times as rarely. */
  pollMs?: number;
  /** Fetches a DID document; default by the configured directory. */
  resolve?: (did: string) => Promise<unknown>;
  now?: () => number;
}

export interface RunningServer {
  url: string;
  port: number;
  /** at:// URI that clients ask for. */
  feedUri: string;
  /** Generation in force; null where none is published. */
  readonly generation: string | null;
  /** Feeds in it. */
  readonly feeds: number;
  /** Lines written: answers and interactions. */
  readonly lines: number;
  /** Looks for a new generation and new tombstones now. */
  poll(): Promise<void>;
  /** Answers what is under way, seals the exposure log and lets go of everything. */
  close(): Promise<void>;
}

const maxInFlight = 1_000;
const noSchemas = (): never => {
  throw new Error('no route of this server has a schema: Fastify is given no compiler for one');
};
const neverShed = new Set(['/health', '/ready']); // a server under load must not look dead to whoever would restart it
const quietMs = 200; // a server that drains ends once no request has come for so long
const drainMs = 10_000; // and at the latest then

interface App {
  app: FastifyInstance;
  /** Answers what is under way, then ends: also where a connection is open on which nothing is asked. */
  drain: () => Promise<void>;
}

function buildApp(service: Service): App {
  const app = Fastify({
    bodyLimit: 256 << 10,
    requestTimeout: 10_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // requests on open connections are answered while the server drains
    exposeHeadRoutes: false,
    // Fastify's own compilers of schemas would be a third of what a start loads
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    routerOptions: { maxParamLength: 100 },
    trustProxy: service.config.trustProxy,
  });
  let inFlight = 0;
  let busyAt = performance.now();
  // A client that goes away leaves its requests without a response, and those that wait behind another on the same
  // connection without any event of their own: the connection's end counts for all of them.
  const underWay = new WeakMap<Socket, { requests: number }>();
  const end = (connection: { requests: number }, requests: number): void => {
    connection.requests -= requests;
    inFlight -= requests;
    busyAt = performance.now();
  };
  app.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    let connection = underWay.get(socket);
    if (connection === undefined) {
      const opened = { requests: 0 };
      socket.once('close', () => {
        end(opened, opened.requests);
      });
      underWay.set(socket, opened);
      connection = opened;
    }
    const counted = connection;
    counted.requests++;
    inFlight++;
    busyAt = performance.now();
    reply.raw.once('close', () => {
      if (counted.requests > 0) end(counted, 1);
    });
    if (inFlight > maxInFlight && !neverShed.has(request.routeOptions.url ?? ''))
      throw new XrpcError(503, 'Unavailable', 'too many requests at once', 1);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    service.metrics.answered(route, reply.statusCode, reply.elapsedTime * 1000);
  });
  app.setErrorHandler((error: FastifyError | XrpcError, request, reply) => {
    if (error instanceof XrpcError) {
      if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
      if (error.status === 401) reply.header('www-authenticate', 'Bearer');
      return reply.status(error.status).send({ error: error.error, message: error.message });
    }
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) {
      const name = status === 413 ? 'PayloadTooLarge' : 'InvalidRequest';
      return reply.status(status).send({ error: name, message: error.message });
    }
    log.error('a request failed', { route: request.routeOptions.url, error: describeError(error) });
    return reply.status(500).send({ error: 'InternalServerError', message: 'the request failed' });
  });
  const known = new Map([
    ['/xrpc/app.bsky.feed.getFeedSkeleton', 'GET'],
    ['/xrpc/app.bsky.feed.describeFeedGenerator', 'GET'],
    ['/xrpc/app.bsky.feed.sendInteractions', 'POST'],
  ]);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] as string;
    const method = known.get(path);
    if (method !== undefined)
      return reply
        .status(405)
        .header('allow', method)
        .send({ error: 'InvalidRequest', message: `this method is called by ${method}` });
    if (path.startsWith('/xrpc/'))
      return reply
        .status(501)
        .send({ error: 'MethodNotImplemented', message: 'this service has no such method' });
    return reply.status(404).send({ error: 'NotFound', message: 'there is nothing here' });
  });
  feedSkeletonRoute(app, service);
  interactionsRoute(app, service);
  describeRoutes(app, service);
  healthRoutes(app, service);
  studyRoutes(app, service);
  previewRoute(app, service);
  const drain = async (): Promise<void> => {
    const begun = performance.now();
    // Node counts a new connection as busy until its first request has come, which may be never.
    const timer = setInterval(() => {
      const quiet = inFlight === 0 && performance.now() - Math.max(busyAt, begun) > quietMs;
      if (quiet || performance.now() - begun > drainMs) app.server.closeAllConnections();
    }, 20);
    await app.close();
    clearInterval(timer);
  };
  return { app, drain };
}

/**
 * Starts the feed server. Without a published generation it serves empty default feeds and `/ready` says 503.
 * @throws FeedtrialError FT_SERVE_PORT_IN_USE, FT_SERVE_ADDRESS, FT_SERVE_WRITERS, FT_STUDY_STORE, FT_STUDY_UNKNOWN
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, pollMs = 1_000, now = Date.now } = options;
  const lake = openLake(config.lake);
  const store = await openStudyStore(config, { busyMs: 25 }); // a statement that waits stops every reader
  const undo: (() => void | Promise<void>)[] = [() => store.close()];
  try {
    const { study, feed_context_key: storedKey } = await openConfiguredStudy(store, now);
    const membership = await openMembership(store, study);
    undo.push(() => {
      membership.close();
    });
    const firstRequests = openFirstRequests(store, study, now);
    undo.push(() => firstRequests.close());
    const exposures = openExposureLog({ spool: config.spool, now });
    undo.push(() => exposures.close());
    const generations = openGenerations(lake, now);
    const tombstones = openTombstones({ lake, oldestAsOfUs: () => generations.oldestAsOfUs, now });
    const { plcUrl, allowLoopback } = config;
    const service: Service = {
      config,
      study,
      feedUri: `at://${config.publisherDid ?? config.serviceDid}/app.bsky.feed.generator/${config.feedRkey}`,
      membership,
      keys: openKeys({
        resolve: options.resolve ?? ((did) => resolveDid(did, { plcUrl, allowLoopback })),
        now,
      }),
      replays: openReplays(now),
      generations,
      tombstones,
      exposures,
      context: openAnswerContext(config.feedContextKey ?? storedKey),
      metrics: openMetrics(),
      limits: openLimits({
        participantPerMinute: config.limitParticipantPerMinute,
        addressPerSecond: config.limitAddressPerSecond,
        now,
      }),
      firstRequests,
      lake,
      store,
      now,
    };
    let judged: string | null = null;
    const pollGenerations = async (): Promise<void> => {
      await generations.poll();
      const generation = generations.current?.id ?? null;
      if (generation === judged) return;
      judged = generation;
      if (!isOfThisStudy(service))
        log.error('no participant of the feeds in force is in this study', { study, generation });
    };
    const poll = async (): Promise<void> => {
      await pollGenerations();
      await tombstones.poll();
    };
    await poll(); // nothing deleted is shown by a server that has just started
    const { app, drain } = buildApp(service);
    const port = options.port ?? config.port;
    try {
      await app.listen({ host: config.host, port });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EADDRINUSE') throw serveErrors.portInUse(config.host, port, error);
      if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
        throw serveErrors.portDenied(config.host, port, error);
      throw error;
    }
    const generationTimer = setInterval(() => {
      pollGenerations().catch((error: unknown) => {
        log.error('the study store can not be read', { error: describeError(error) });
      });
    }, pollMs);
    const tombstoneTimer = setInterval(() => void tombstones.poll(), pollMs * 5);
    const listening = (app.server.address() as AddressInfo).port;
    let closing: Promise<void> | null = null;
    return {
      url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${listening}`,
      port: listening,
      feedUri: service.feedUri,
      get generation() {
        return generations.current?.id ?? null;
      },
      get feeds() {
        return generations.current?.index.feedCount ?? 0;
      },
      get lines() {
        return exposures.lines;
      },
      poll,
      close() {
        closing ??= (async () => {
          clearInterval(generationTimer);
          clearInterval(tombstoneTimer);
          await drain();
          for (const step of undo.toReversed()) await step();
        })();
        return closing;
      },
    };
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}
