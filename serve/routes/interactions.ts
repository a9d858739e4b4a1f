import type { FastifyInstance } from 'fastify';
import { admit } from '../admit.ts';
import { invalidRequest, unauthorized, unavailable } from '../errors.ts';
import { maxClientLength, methods, type Service } from '../service.ts';

const maxInteractions = 500;
const maxContextLength = 2_000;
const eventPrefix = /^(app\.bsky\.feed\.defs)?#/;

interface Interaction {
  item: string | null;
  event: string;
  feedContext: string | null;
}

function optionalText(value: unknown, name: string, maxLength: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || value.length > maxLength)
    throw invalidRequest(`'${name}' of an interaction must be a text of at most ${maxLength} characters`);
  return value;
}

function parseInteractions(body: unknown): Interaction[] {
  const list = (body as { interactions?: unknown } | null | undefined)?.interactions;
  if (!Array.isArray(list)) throw invalidRequest("'interactions' must be a list");
  if (list.length > maxInteractions)
    throw invalidRequest(`'interactions' may hold at most ${maxInteractions} of them`);
  return (list as unknown[]).map((value) => {
    if (typeof value !== 'object' || value === null) throw invalidRequest('an interaction must be an object');
    const { item, event, feedContext } = value as Record<string, unknown>;
    const uri = optionalText(item, 'item', 1024);
    if (uri !== null && !uri.startsWith('at://')) throw invalidRequest("'item' must be an at:// URI");
    return {
      item: uri,
      event: (optionalText(event, 'event', 200) ?? 'unspecified').replace(eventPrefix, ''),
      feedContext: optionalText(feedContext, 'feedContext', 1 << 16)?.slice(0, maxContextLength) ?? null,
    };
  });
}

/** `app.bsky.feed.sendInteractions`: what a client says was seen and done. */
export function interactionsRoute(app: FastifyInstance, service: Service): void {
  const { study, exposures, context, metrics, now } = service;

  app.post(`/xrpc/${methods.sendInteractions}`, async (request, reply) => {
    const interactions = parseInteractions(request.body);
    const reader = await admit(request, methods.sendInteractions, service);
    if (reader.fallback === 'anonymous') throw unauthorized('AuthMissing', 'interactions need a token');
    if (reader.jtiReused) throw unauthorized('JwtReplayed', 'this token was used before');
    if (reader.jti === null) throw unauthorized('BadJwt', "the token lacks 'jti'");
    if (reader.fallback === 'resolver_down')
      throw unavailable('the signature can not be checked now: send them again');
    if (reader.member === null) {
      // Nothing more is kept of who has left. And whoever else it is, nobody checked their signature: they could fill the disk.
      metrics.leftOut(reader.fallback ?? 'unknown', interactions.length);
      return reply.send({});
    }

    const { participantId } = reader.member;
    const received = Math.round(now() * 1000);
    const client = request.headers['user-agent']?.slice(0, maxClientLength) ?? null;
    try {
      await Promise.all(
        interactions.map((interaction) => {
          const reqId =
            interaction.feedContext === null ? null : context.check(interaction.feedContext, participantId);
          return exposures.write({
            t: 'interaction',
            received_us: received,
            participant_id: participantId,
            study,
            event: interaction.event,
            uri: interaction.item,
            req_id: reqId,
            feed_context: interaction.feedContext,
            context_valid: reqId !== null,
            client,
          });
        }),
      );
    } catch {
      throw unavailable('the interactions could not be written down: send them again');
    }
    return reply.send({});
  });
}
