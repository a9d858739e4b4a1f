import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FeedtrialError } from '../../ops/errors/index.ts';
import {
  enrollPerson,
  findKey,
  findParticipant,
  getStudy,
  parseConsentTime,
  readArmsAt,
  withdrawParticipant,
  type Admission,
  type ApiKey,
  type Participant,
  type Person,
  type Scope,
} from '../../study/index.ts';
import { XrpcError, forbidden, invalidRequest, tooMany, unauthorized } from '../errors.ts';
import { openLimits } from '../limits.ts';
import type { Service } from '../service.ts';

const maxBodyBytes = 16 << 10;
const perKeyPerMinute = 1_200;
const isoTime = (us: number): string => new Date(us / 1000).toISOString();

/** What went wrong, as a status; our coded errors of bad input are the caller's, all others are ours. */
const statusOf: Record<string, number> = {
  FT_STUDY_DID: 400,
  FT_STUDY_HANDLE: 400,
  FT_STUDY_STRATUM: 400,
  FT_STUDY_CONSENT: 400,
  FT_STUDY_NOBODY: 400,
  FT_STUDY_NOT_ENROLLED: 404,
  FT_STUDY_PANEL_ID: 409,
  FT_STUDY_STRATUM_FIXED: 409,
  FT_STUDY_WITHDRAWN: 409,
  FT_STUDY_HANDLE_UNRESOLVED: 422,
  FT_STUDY_ARMS_CLOSED: 503,
  FT_STUDY_NO_WAVE: 503,
};

/** A name as XRPC's errors have them: 'FT_STUDY_HANDLE_UNRESOLVED' is 'HandleUnresolved'. */
const nameOf = (code: string): string =>
  code
    .replace(/^FT_STUDY_/, '')
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_all, _gap, letter: string) => letter.toUpperCase());

function optionalText(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > 2_048) throw invalidRequest(`'${name}' must be a text`);
  return value;
}

/** Someone to enrol, from a request's body. */
function readPerson(body: unknown): Person {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidRequest('the body must be a JSON object');
  const fields = body as Record<string, unknown>;
  const known = new Set(['did', 'handle', 'stratum', 'panel_id', 'consent']);
  for (const name of Object.keys(fields))
    if (!known.has(name)) throw invalidRequest(`there is no field '${name.slice(0, 60)}'`);
  const consent = fields.consent as Record<string, unknown> | null | undefined;
  if (typeof consent !== 'object' || consent === null)
    throw invalidRequest("'consent' is missing: {version, given_at}, the text that they agreed to and when");
  const [version, givenAt] = [optionalText(consent, 'version'), optionalText(consent, 'given_at')];
  if (version === undefined || givenAt === undefined)
    throw invalidRequest("'consent' must have a 'version' and a time 'given_at'");
  return {
    did: optionalText(fields, 'did'),
    handle: optionalText(fields, 'handle'),
    stratum: optionalText(fields, 'stratum'),
    panelId: optionalText(fields, 'panel_id'),
    consent: { version, givenUs: parseConsentTime(givenAt) },
  };
}

/**
 * Enrolment for the survey panel: `POST /study/participants`, `GET /study/participants/<id>`,
 * `POST /study/participants/<id>/withdraw`, each with a key that has the scope for it.
 */
export function studyRoutes(app: FastifyInstance, service: Service, admission: Admission = {}): void {
  const { study, store, config, now } = service;
  const perKey = openLimits({ participantPerMinute: perKeyPerMinute, addressPerSecond: 0, now });

  const requireKey = async (request: FastifyRequest, scope: Scope): Promise<ApiKey> => {
    const [, token] = /^bearer +(\S{1,200}) *$/i.exec(request.headers.authorization ?? '') ?? [];
    const key = token === undefined ? null : await findKey(store, token, study);
    if (key === null) {
      const wait = service.limits.address(() => request.ip);
      throw wait > 0 ? tooMany(wait) : unauthorized('InvalidKey', 'this needs a key of the study');
    }
    const wait = perKey.participant(key.keyId);
    if (wait > 0) throw tooMany(wait);
    if (!key.scopes.includes(scope)) throw forbidden(`this needs a key with the scope '${scope}'`);
    return key;
  };

  /** Arms are shown only to who may see them: whoever deals with participants had better not know. */
  const shown = (participant: Participant, key: ApiKey) => ({
    participant_id: participant.participant_id,
    panel_id: participant.panel_id,
    status: participant.status,
    enrolled_at: isoTime(participant.enrolled_us),
    first_request_at: participant.first_request_us === null ? null : isoTime(participant.first_request_us),
    withdrawn_at: participant.withdrawn_us === null ? null : isoTime(participant.withdrawn_us),
    ...(key.scopes.includes('read:arms') ? { arm: participant.arm, stratum: participant.stratum } : {}),
  });

  const answered = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const status = error instanceof FeedtrialError ? statusOf[error.code] : undefined;
      if (status === undefined) throw error;
      const { code, message, fix } = error as FeedtrialError;
      throw new XrpcError(status, nameOf(code), fix === undefined ? message : `${message}; ${fix}`);
    }
  };

  app.post('/study/participants', { bodyLimit: maxBodyBytes }, async (request, reply) => {
    const key = await requireKey(request, 'enroll');
    return answered(async () => {
      const person = readPerson(request.body);
      const { participant, isNew } = await enrollPerson(
        store,
        await getStudy(store, study),
        await readArmsAt(config.projectRoot, now() * 1000),
        person,
        { ...admission, pending: true, now },
      );
      // who is not ranked yet needs no roster: the next cycle publishes it
      return reply.status(isNew ? 201 : 200).send(shown(participant, key));
    });
  });

  app.get<{ Params: { id: string } }>('/study/participants/:id', async (request) => {
    const key = await requireKey(request, 'read');
    return answered(async () => shown(await findParticipant(store, request.params.id, study), key));
  });

  app.post<{ Params: { id: string } }>(
    '/study/participants/:id/withdraw',
    { bodyLimit: maxBodyBytes },
    async (request) => {
      const key = await requireKey(request, 'withdraw');
      return answered(async () => {
        const { participant } = await withdrawParticipant(store, { who: request.params.id, study, now });
        return shown(participant, key);
      });
    },
  );
}
