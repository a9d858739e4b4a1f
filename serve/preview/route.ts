import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { defaultParticipant } from '../../lake/index.ts';
import { findKey, getStudy, type ApiKey } from '../../study/index.ts';
import { forbidden, invalidRequest, tooMany, unavailable } from '../errors.ts';
import type { Service } from '../service.ts';
import { maskArms, readPreview } from './feeds.ts';
import { previewPage } from './page.ts';
import { style } from './style.ts';

const styleHash = createHash('sha256').update(style).digest('base64');
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

const loopback = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/**
 * Whether somebody at this very machine asks: by its own name, and not through a proxy, which would come from here as well.
 */
function isAtThisMachine(request: FastifyRequest): boolean {
  const { headers, socket } = request.raw;
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  if (headers.via !== undefined || headers['x-real-ip'] !== undefined) return false;
  const name = (headers.host ?? '').replace(/:\d+$/, '');
  return loopback.has(socket.remoteAddress ?? '') && ['localhost', '127.0.0.1', '[::1]'].includes(name);
}

/** A key as a browser sends it (the password of HTTP's own dialogue) or as a program does. */
function tokenOf(header: string | undefined): string | null {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S{1,400}) *$/i.exec(header ?? '') ?? [];
  if (scheme === '') return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

/** `/preview`: a participant's feed in two arms side by side, for the team. */
export function previewRoute(app: FastifyInstance, service: Service): void {
  const { study, store, generations, tombstones, limits } = service;
  let reading = 0;

  app.get<{ Querystring: { participant?: unknown; arm?: unknown } }>('/preview', async (request, reply) => {
    const token = tokenOf(request.headers.authorization);
    const key: ApiKey | null = token === null ? null : await findKey(store, token, study);
    if (key === null && (token !== null || !isAtThisMachine(request))) {
      const wait = limits.address(() => request.ip);
      if (wait > 0) throw tooMany(wait);
      return deny(reply);
    }
    if (key !== null && !key.scopes.includes('preview'))
      throw forbidden("this needs a key with the scope 'preview'");
    const { query } = request;
    for (const value of [query.participant, query.arm])
      if (value !== undefined && (typeof value !== 'string' || value.length > 100))
        throw invalidRequest('a parameter was given twice, or is too long');

    const generation = generations.current;
    const { index } = generation ?? {};
    const participants = [...(index?.participants() ?? [])].sort();
    const participant =
      typeof query.participant === 'string'
        ? query.participant
        : (participants.find((id) => id !== defaultParticipant) ?? null);
    const masked = key?.scopes.includes('read:arms') !== true;
    if (reading >= 2) throw unavailable('others are looking: ask again');
    reading++;
    try {
      const isKnown = participant !== null && index?.feed(participant) !== undefined;
      const feed =
        generation !== null && isKnown ? await readPreview(service.lake, generation.id, participant) : null;
      const arms = [...new Set(participants.map((id) => index?.feed(id)?.arm ?? ''))].filter(
        (arm) => arm !== 'default' && arm !== '',
      );
      const { feed_context_key: secret } = await getStudy(store, study);
      const names = maskArms(arms, secret);
      const nameOf = (arm: string): string =>
        arm === 'default' ? 'Default feed' : masked ? (names.get(arm) ?? 'Another arm') : arm;
      const others = feed === null ? [] : [...names.keys()].filter((arm) => arm !== feed.arm);
      const other = others.find((arm) => nameOf(arm) === query.arm) ?? others[0] ?? null;
      const page = previewPage({
        generation: generation?.id ?? null,
        participants,
        participant,
        feed,
        others,
        other: feed?.arm === 'default' ? null : other,
        nameOf,
        masked,
        isHidden: (uri) => tombstones.isHidden(uri),
      });
      return await reply
        .headers({
          'content-security-policy': policy,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'private, no-store',
        })
        .type('text/html; charset=utf-8')
        .send(page);
    } finally {
      reading--;
    }
  });
}

function deny(reply: FastifyReply): FastifyReply {
  return reply
    .status(401)
    .header(
      'www-authenticate',
      'Basic realm="Feedtrial preview: any name, and a key as password", charset="UTF-8"',
    )
    .type('text/plain; charset=utf-8')
    .send(
      "this page needs a key with the scope 'preview' ('feedtrial study key create NAME --scope preview')\n",
    );
}
