import type { RunningServer } from '../../serve/index.ts';
import type { Participant } from '../../study/index.ts';
import type { CaptureSummary } from '../../extract/capture/index.ts';
import type { Config } from '../config/index.ts';
import type { CycleSummary } from '../cycle/index.ts';
import { openDbt, type Dbt } from '../dbt/index.ts';
import { newRunId } from '../telemetry/index.ts';
import { demoErrors } from './errors.ts';
import { startMiniature, type Miniature } from './miniature.ts';
import { simulatedDids } from './simulated.ts';

export interface BringUpOptions {
  config: Config;
  /** Folder for what the miniature network keeps while it runs. */
  folder: string;
  /** Seed of the miniature network; or the public network, captured for so long. */
  source: { seed: string } | { liveSeconds: number };
  port: number;
  /** Told in words what is being done, and what came of it. */
  say?: (line: string) => void;
  signal?: AbortSignal;
}

/** Everything at work: feeds ranked, published and served. */
export interface RunningDemo {
  config: Config;
  dbt: Dbt;
  /** Null on the public network. */
  miniature: Miniature | null;
  participants: Participant[];
  capture: CaptureSummary;
  cycle: CycleSummary;
  server: RunningServer;
  runId: string;
  /** Stops the server and the network, and lands what the server logged. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * The whole way, by the parts' own functions: network, enrolment, capture, land, transform, enrich, rank, publish, serve.
 * @throws FeedtrialError of the part that failed; everything that was started is stopped again
 */
export async function bringUp(options: BringUpOptions): Promise<RunningDemo> {
  const { source, port, say = () => {}, signal } = options;
  let { config } = options;
  const runId = newRunId();
  const shared = { dag: 'demo', runId, ...(signal ? { signal } : {}) };
  const undo: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    // the first error is the one to tell of; what was started after it must be stopped all the same
    let failure: { error: unknown } | undefined;
    for (let step = undo.pop(); step; step = undo.pop())
      await step().catch((error: unknown) => {
        failure ??= { error };
      });
    if (failure) throw failure.error;
  };
  try {
    const dbt = await openDbt(config); // loads while the network starts
    undo.push(() => dbt.close());

    let miniature: Miniature | null = null;
    if ('seed' in source) {
      say(`starting a miniature Bluesky: a PLC directory and a PDS on 127.0.0.1, seed '${source.seed}'`);
      miniature = await startMiniature({
        config,
        seed: source.seed,
        folder: options.folder,
        ...(signal ? { signal } : {}),
      });
      const running = miniature;
      undo.push(() => running.close());
      config = miniature.config;
      const { plan, operations } = miniature.population;
      say(
        `  ${plan.accounts.length} accounts, ${plan.posts.length} posts, ${operations} operations in ${plan.sessions.length} commits at ${miniature.network.pdsUrl}`,
      );
      say(
        `  a local relay at ${miniature.relay.url} gives each event the time that the plan has for it, spread over 48 hours`,
      );
    }

    const participants = await enrolParticipants(config, miniature, shared);
    const arms = Map.groupBy(participants, (participant) => participant.arm);
    say(
      `enrolled ${participants.length} ${miniature ? '' : 'simulated '}participants: ${[...arms].map(([arm, members]) => `${members.length} in ${arm}`).join(', ')}`,
    );

    const captured = await captureNetwork(config, source, shared, say);

    say('running a cycle: land, transform, enrich, rank, publish');
    const { cycle } = await import('../cycle/index.ts');
    const done = await cycle({
      config,
      dag: 'demo',
      dbt,
      ...(signal ? { signal } : {}),
      onStage: ({ stage, status, seconds, reason }) => {
        say(`  ${stage}: ${status} in ${seconds.toFixed(1)} s${reason === null ? '' : ` (${reason})`}`);
      },
    });
    const broken = done.stages.find(({ status }) => status === 'failed' || status === 'refused');
    if (broken) throw demoErrors.stageFailed(broken.stage, broken.reason);
    signal?.throwIfAborted();

    const { serve } = await import('../../serve/index.ts');
    const enough = new AbortController();
    const listening = Promise.withResolvers<RunningServer>();
    const serving = serve({
      config,
      port,
      signal: enough.signal,
      onListening: listening.resolve,
      dag: 'demo',
      runId,
    });
    serving.catch(listening.reject);
    undo.push(async () => {
      enough.abort();
      await serving;
      const { land } = await import('../../extract/land/index.ts');
      await land({ config, dag: 'demo', runId });
    });
    const server = await listening.promise;
    say(`serving ${server.feeds} feeds of generation ${server.generation ?? ''} at ${server.url}`);
    return { config, dbt, miniature, participants, capture: captured, cycle: done, server, runId, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

interface Shared {
  dag: string;
  runId: string;
  signal?: AbortSignal;
}

async function enrolParticipants(
  config: Config,
  miniature: Miniature | null,
  { dag, runId }: Shared,
): Promise<Participant[]> {
  const { enroll, openStudyStore } = await import('../../study/index.ts');
  const people = miniature
    ? miniature.participants.map(({ did, handle }) => ({ did, handle }))
    : simulatedDids(9).map((did) => ({ did }));
  const store = await openStudyStore(config);
  try {
    const { enrolled, failed } = await enroll(store, { people, dag, runId });
    if (failed.length > 0) throw demoErrors.notEnrolled(failed.length);
    return enrolled;
  } finally {
    await store.close();
  }
}

async function captureNetwork(
  config: Config,
  source: BringUpOptions['source'],
  { dag, runId, signal }: Shared,
  say: (line: string) => void,
): Promise<CaptureSummary> {
  const { capture } = await import('../../extract/capture/index.ts');
  let summary: CaptureSummary;
  if ('seed' in source) {
    say('capturing its firehose over the websocket, every commit verified');
    summary = await capture({ config, source: 'firehose', idleExitSeconds: 2, signal, dag, runId });
  } else {
    const timeout = AbortSignal.timeout(source.liveSeconds * 1000);
    say(
      `capturing ${config.jetstreamUrl} for ${source.liveSeconds} s (Jetstream is unsigned: nothing is verified)`,
    );
    summary = await capture({
      config,
      source: 'jetstream',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      dag,
      runId,
    });
  }
  signal?.throwIfAborted();
  if (summary.events === 0)
    throw demoErrors.nothingCaptured('seed' in source ? config.relayUrl : config.jetstreamUrl);
  const rows = Object.entries(summary.rows).map(([kind, n]) => `${n} ${kind}`);
  say(`  ${summary.events} events, rows: ${rows.join(', ')}; durable up to ${summary.cursor ?? 'nothing'}`);
  return summary;
}
