import type { FastifyInstance } from 'fastify';
import { isOfThisStudy, type Service } from '../service.ts';

/** For whoever runs the server: whether it lives, whether it may be sent readers, and its numbers. */
export function healthRoutes(app: FastifyInstance, service: Service): void {
  const { study, generations, tombstones, exposures, membership, keys, replays, metrics } = service;

  const whyNotReady = (): string | null => {
    if (generations.current === null) return 'no generation has been published yet';
    if (!isOfThisStudy(service))
      return `no participant of the feeds in force is in study '${study}': check FEEDTRIAL_STUDY and FEEDTRIAL_STUDY_DB`;
    if (!tombstones.loaded) return 'what was deleted has not been read yet';
    if (!exposures.healthy) return 'exposures can not be written';
    return null;
  };

  app.get('/health', async () => ({ status: 'ok' }));

  app.get('/ready', async (_request, reply) => {
    const reason = whyNotReady();
    return reply.status(reason === null ? 200 : 503).send({
      status: reason === null ? 'ready' : 'not ready',
      ...(reason === null ? {} : { reason }),
      generation: generations.current?.id ?? null,
    });
  });

  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(
      metrics.render({
        ready: whyNotReady() === null ? 1 : 0,
        feeds: generations.current?.index.feedCount ?? 0,
        generation_as_of_seconds: (generations.current?.asOfUs ?? 0) / 1e6,
        participants: membership.size,
        study_store_reachable: membership.upToDate ? 1 : 0,
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
