import type { FastifyInstance } from 'fastify';
import { defaultParticipant } from '../../lake/index.ts';
import { admit } from '../admit.ts';
import { XrpcError, invalidRequest, unavailable } from '../errors.ts';
import { formatCursor, parseCursor } from '../feeds/cursor.ts';
import { exposureJson, skeletonJson } from '../feeds/json.ts';
import { cutPage } from '../feeds/page.ts';
import { maxClientLength, methods, type Service } from '../service.ts';

interface Query {
  feed?: unknown;
  limit?: unknown;
  cursor?: unknown;
}

const defaultLimit = 50;
const maxLimit = 100;

function parseLimit(value: unknown): number {
  if (value === undefined) return defaultLimit;
  const limit = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : NaN;
  if (!(limit >= 1 && limit <= maxLimit))
    throw invalidRequest(`'limit' must be a whole number from 1 to ${maxLimit}`);
  return limit;
}

function requireFeed(value: unknown, feedUri: string): void {
  if (typeof value !== 'string' || value === '') throw invalidRequest("'feed' is missing");
  if (value !== feedUri) throw new XrpcError(400, 'UnknownFeed', 'this service has no such feed');
}

/** `app.bsky.feed.getFeedSkeleton`: what a reader is shown, written down before it is sent. */
export function feedSkeletonRoute(app: FastifyInstance, service: Service): void {
  const { study, feedUri, generations, tombstones, exposures, context, metrics, firstRequests, now } =
    service;

  app.get<{ Querystring: Query }>(
    `/xrpc/${methods.getFeedSkeleton}`,
    { exposeHeadRoute: false }, // a HEAD would leave an exposure that nobody saw
    async (request, reply) => {
      const startedUs = performance.now() * 1000;
      const { query } = request;
      requireFeed(query.feed, feedUri);
      const limit = parseLimit(query.limit);
      if (query.cursor !== undefined && typeof query.cursor !== 'string')
        throw invalidRequest("'cursor' was given twice");
      const cursor = query.cursor ? parseCursor(query.cursor) : null;
      const reader = await admit(request, methods.getFeedSkeleton, service);
      if (reader.member !== null) firstRequests.note(reader.member);

      const generation = cursor === null ? generations.current : await generations.find(cursor.generation);
      let fallback: string | null = reader.fallback;
      const own = reader.member === null ? undefined : generation?.index.feed(reader.member.participantId);
      // Who began in the default feed ends in it, also where they are known by now: two feeds are not dealt into one.
      const personal = cursor?.kind === 'default' ? undefined : own;
      if (fallback === null && own !== undefined && personal === undefined) fallback = 'cursor_of_default';
      if (fallback === null && personal === undefined)
        fallback = generation !== null ? 'no_feed' : cursor === null ? 'no_generation' : 'generation_gone';
      const feed = personal ?? generation?.index.feed(defaultParticipant);
      const offset = cursor?.offset ?? 0;
      const page =
        generation && feed
          ? cutPage(generation.index, feed, offset, limit, (uri) => tombstones.isHidden(uri))
          : { uris: [], positions: [], next: null };

      const participantId = reader.member?.participantId ?? null;
      const { reqId, feedContext } = context.issue(participantId);
      const answer = skeletonJson(page.uris, {
        cursor:
          generation && page.next !== null
            ? formatCursor({
                generation: generation.id,
                kind: personal ? 'personal' : 'default',
                offset: page.next,
              })
            : null,
        feedContext,
        reqId,
      });
      const exposure = {
        t: 'exposure',
        req_id: reqId,
        served_us: Math.round(now() * 1000),
        participant_id: participantId,
        study,
        arm_assigned: reader.member?.arm ?? null,
        policy_served: feed?.policy ?? null,
        policy_version: feed?.policyVersion ?? null,
        fallback_reason: fallback,
        generation: generation?.id ?? cursor?.generation ?? null,
        feed_offset: offset,
        page_limit: limit,
        client: request.headers['user-agent']?.slice(0, maxClientLength) ?? null,
        jti_reused: reader.jtiReused,
        http_status: 200,
        latency_us: Math.round(performance.now() * 1000 - startedUs),
      };
      try {
        await exposures.writeJson(exposureJson(exposure, page));
      } catch {
        throw unavailable('the answer could not be written down, so it is not given'); // the log says why
      }
      if (fallback !== null) metrics.fellBack(fallback);
      return reply
        .header('cache-control', 'private, no-store')
        .type('application/json; charset=utf-8')
        .send(answer);
    },
  );
}
