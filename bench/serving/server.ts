// A process that answers: 'feedtrial' the feed server as it is, 'control' a bare Fastify route with the same signature check
// and as many bytes. Says where it listens, and its own CPU seconds and memory when asked.
import { hash } from 'node:crypto';
import Fastify from 'fastify';
import secp256k1 from 'secp256k1';
import { startServer } from '../../serve/index.ts';
import { configOf, documentOf, keyOf } from './world.ts';

const [kind = '', folder = '', accounts = '0', bytes = '0'] = process.argv.slice(2);
const say = (message: object): void => {
  process.send?.(message);
};

if (kind === 'feedtrial') {
  const count = Number(accounts);
  const server = await startServer({
    config: configOf(folder),
    resolve: async (did) => documentOf(did, count),
  });
  say({ port: server.port });
  process.on('message', (message: { ask?: string }) => {
    if (message.ask === 'close') void server.close().then(() => say({ lines: server.lines }));
  });
} else {
  const points = Array.from({ length: Number(accounts) }, (_, n) =>
    secp256k1.publicKeyConvert(secp256k1.publicKeyCreate(keyOf(n)), false),
  );
  const body = 'x'.repeat(Number(bytes));
  const app = Fastify({});
  app.get<{ Headers: { 'x-account': string } }>(
    '/xrpc/app.bsky.feed.getFeedSkeleton',
    async (request, reply) => {
      const token = (request.headers.authorization ?? '').slice('Bearer '.length);
      const at = token.lastIndexOf('.');
      const digest = hash('sha256', token.slice(0, at), 'buffer');
      const point = points[Number(request.headers['x-account'])];
      const good =
        point !== undefined &&
        secp256k1.ecdsaVerify(Buffer.from(token.slice(at + 1), 'base64url'), digest, point);
      if (!good) return reply.status(401).send('');
      return reply.type('application/json; charset=utf-8').send(body);
    },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  say({ port: typeof address === 'object' ? address?.port : null });
}

process.on('message', (message: { ask?: string }) => {
  if (message.ask === 'usage') {
    const { user, system } = process.cpuUsage();
    say({ cpuSeconds: (user + system) / 1e6, rssMb: process.memoryUsage.rss() / 2 ** 20 });
  }
});
process.on('disconnect', () => process.exit(0));
