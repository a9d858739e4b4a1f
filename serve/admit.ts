import type { FastifyRequest } from 'fastify';
import { identify, type Reader } from './auth/identify.ts';
import { XrpcError, tooMany } from './errors.ts';
import type { Service } from './service.ts';

/**
 * Finds out who asks and whether they have asked too often. A participant is counted by themselves, once their signature
 * is known to be theirs: nobody can use up another's share. All others are counted by address.
 * @throws XrpcError 401 for a token that is not good, 429 beyond a limit
 */
export async function admit(request: FastifyRequest, lxm: string, service: Service): Promise<Reader> {
  const { limits, config } = service;
  let reader: Reader | null = null;
  let refused: unknown = null;
  try {
    reader = await identify(request.headers.authorization, lxm, {
      ...service,
      serviceDid: config.serviceDid,
    });
  } catch (error) {
    if (!(error instanceof XrpcError) || error.status !== 401) throw error;
    refused = error;
  }
  const wait =
    reader?.member != null
      ? limits.participant(reader.member.participantId)
      : limits.address(() => request.ip);
  if (wait > 0) throw tooMany(wait);
  if (reader === null) throw refused;
  return reader;
}
