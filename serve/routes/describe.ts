import type { FastifyInstance } from 'fastify';
import { XrpcError } from '../errors.ts';
import { methods, type Service } from '../service.ts';

const isLoopback = (hostname: string) => /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(hostname);

/** Who we are: the service's DID document and the feeds that it has. */
export function describeRoutes(app: FastifyInstance, service: Service): void {
  const { config, feedUri } = service;
  const scheme = config.allowLoopback && isLoopback(config.hostname) ? 'http' : 'https';

  app.get('/.well-known/did.json', async (_request, reply) => {
    if (!config.serviceDid.startsWith('did:web:'))
      throw new XrpcError(404, 'NotFound', "this service's DID document is not kept here");
    return reply.send({
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: config.serviceDid,
      service: [
        { id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: `${scheme}://${config.hostname}` },
      ],
    });
  });

  app.get(`/xrpc/${methods.describeFeedGenerator}`, async () => ({
    did: config.serviceDid,
    feeds: [{ uri: feedUri }],
  }));
}
