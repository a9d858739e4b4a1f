import type { FastifyInstance } from 'fastify';
import type { Service } from '../service.ts';

/** For whoever runs the server: whether it lives, whether it may be sent readers, and its numbers. */
export function healthRoutes(app: FastifyInstance, service: Service): void {
  const { generations, tombstones, exposures, membership, keys, replays, metrics } = service;

  app.get('/health', async () => ({ status: 'ok' }));

  app.get('/ready', async (_request, reply) => {
    const reason =
      generations.current === null
        ? 'no generation has been published yet'
        : exposures.healthy
          ? null
          : 'exposures can not be written';
    return reply.status(reason === null ? 200 : 503).send({
      status: reason === null ? 'ready' : 'not ready',
      ...(reason === null ? {} : { reason }),
      generation: generations.current?.id ?? null,
    });
  });

  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(
      metrics.render({
        ready: generations.current === null ? 0 : 1,
        feeds: generations.current?.index.feedCount ?? 0,
        generation_as_of_seconds: (generations.current?.asOfUs ?? 0) / 1e6,
        participants: membership.size,
        tombstones: tombstones.size,
        known_keys: keys.size,
        remembered_tokens: replays.size,
        exposure_lines: exposures.lines,
        exposures_healthy: exposures.healthy ? 1 : 0,
        resident_bytes: process.memoryUsage.rss(),
      }),
    ),
  );
}
