import { clock, span, type Run } from '../runs/index.ts';
import type { StreamStatus } from './capture.ts';
import type { LakeStatus } from './lake.ts';
import type { ServerStatus } from './server.ts';

/** All that `status` knows; times are microseconds UTC. */
export interface Status {
  nowUs: number;
  lakeRoot: string;
  streams: StreamStatus[];
  lake: LakeStatus;
  server: ServerStatus;
  /** Newest first. */
  runs: Run[];
}

/** Newest event that is durable anywhere, witnessed live; null before the first. */
export function lastDurableEventUs(status: Status): number | null {
  const spooled = status.streams
    .filter((s) => s.stream === 'firehose' || s.stream === 'jetstream')
    .map((s) => s.lastEventUs);
  const known = [...spooled, status.lake.lastEventUs].filter((us) => us !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

/** '1 segment', '2 segments'. */
export const plural = (n: number, one: string): string =>
  `${n.toLocaleString('en-US')} ${one}${n === 1 ? '' : 's'}`;

const staleAfterS = 3 * 3_600;

/** Kinds of gaps that are of one repository each. */
const gapsOfRepositories = ['chain_break', 'sync'];

/**
 * What to do next, the most urgent first; never empty. Each line is a sentence with the command that does it.
 */
export function nextSteps(status: Status): string[] {
  const { lake, server, streams, runs, nowUs } = status;
  // every run leaves its own record behind, so there is always one of those
  const waiting = streams.reduce((sum, s) => sum + (s.stream === 'runs' ? 0 : s.sealedWaiting), 0);
  const captured = streams.filter((s) => s.stream === 'firehose' || s.stream === 'jetstream');
  if (lake.records === 0 && captured.length === 0)
    return [
      "nothing has been captured here yet. 'npm run demo' shows the whole way on a miniature network;",
      "'feedtrial capture --source jetstream' begins with the live one",
    ];

  const steps: string[] = [];
  const last = new Map<string, Run>();
  for (const run of runs) if (!last.has(run.dag)) last.set(run.dag, run);
  for (const run of last.values()) {
    if (run.status === 'failed' || run.status === 'refused')
      steps.push(`the last ${run.dag} ${run.status}: 'feedtrial runs ${run.runId}' says why`);
    if (run.status === 'killed')
      steps.push(
        `the last ${run.dag} was killed: run 'feedtrial ${run.dag}' again, it goes on from what is durable`,
      );
  }

  for (const { stream, capture } of streams) {
    if (capture === null || !capture.running) continue;
    if (capture.stalled !== null)
      steps.push(
        `the disk of the spool is full: make room, and the capture of ${stream} goes on by itself where it stopped`,
      );
    else if (!capture.connected)
      steps.push(`the capture of ${stream} can't reach ${capture.host}: it tries again by itself`);
  }

  const running = (dag: string) => last.get(dag)?.status === 'running';
  const cycling = running('cycle') || running('demo');
  const queued = lake.coverage.reduce((sum, one) => sum + one.queued, 0);
  if (!cycling) {
    const behind =
      waiting > 0
        ? `${plural(waiting, 'segment')} to be landed`
        : lake.queue === null
          ? 'no model has been built yet'
          : queued > 0
            ? `${plural(queued, 'answer')} wanted from labelers`
            : lake.generation === null
              ? 'no feed has been published yet'
              : null;
    const one = waiting > 0 ? 'land' : lake.queue === null ? 'transform' : queued > 0 ? 'enrich' : 'rank';
    if (behind !== null)
      steps.push(`${behind}: 'feedtrial ${one}' does that alone, 'feedtrial cycle' goes the whole way`);
    else if (lake.generation !== null && (nowUs - lake.generation.published_us) / 1e6 > staleAfterS)
      steps.push(
        `feeds are ${span((nowUs - lake.generation.published_us) / 1e6)} old: 'feedtrial cycle' makes new ones`,
      );
  }

  const eventUs = lastDurableEventUs(status);
  const isDemo = last.has('demo') && !last.has('capture');
  if (isDemo && !running('demo'))
    steps.push(
      "the demo has ended, and its network with it: 'npm run demo' brings up another, from the beginning",
    );
  else if (eventUs !== null && (nowUs - eventUs) / 1e6 > 300 && !running('capture') && !running('demo'))
    steps.push(
      `nothing has come in for ${span((nowUs - eventUs) / 1e6)}: 'feedtrial capture --source firehose' goes on where it stopped`,
    );
  const openOf = (is: (kind: string) => boolean) => {
    const of = lake.gaps.filter(({ kind }) => is(kind));
    const since = of.flatMap(({ oldestUs }) => oldestUs ?? []);
    return {
      n: of.reduce((sum, { open }) => sum + open, 0),
      since: since.length > 0 ? Math.min(...since) : null,
    };
  };
  const repositories = openOf((kind) => gapsOfRepositories.includes(kind));
  if (repositories.n > 0)
    steps.push(
      `${plural(repositories.n, 'open gap')} of single repositories: 'feedtrial backfill --gaps' fetches those whole and closes them`,
    );
  // what was before capture began is no fault of it
  const stretches = openOf((kind) => kind !== 'first_start' && !gapsOfRepositories.includes(kind));
  if (stretches.n > 0)
    steps.push(
      `${plural(stretches.n, 'open gap')}${stretches.since === null ? '' : ` since ${clock(stretches.since)} UTC`}: what they miss is not in the feeds; 'feedtrial backfill --window FROM TO' fetches it and closes them`,
    );
  if (!server.up && lake.generation !== null)
    steps.push("the feed server is down: 'feedtrial serve' starts it");
  if (server.up && lake.generation !== null && server.generation !== lake.generation.generation)
    steps.push(
      `the server serves ${server.generation ?? 'no generation'}, ${lake.generation.generation} is published: it follows within a minute, if not 'feedtrial doctor' tells why`,
    );
  if (lake.participants === 0 && lake.generation !== null)
    steps.push("nobody is enrolled, so everyone gets the default feed: 'feedtrial study enroll --help'");
  return steps.length > 0 ? steps : ['nothing: it runs'];
}
