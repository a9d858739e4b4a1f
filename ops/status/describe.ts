import { clock, describeRuns, span } from '../runs/index.ts';
import { lastDurableEventUs, nextSteps, plural, type Status } from './next.ts';

const thousands = (n: number): string => n.toLocaleString('en-US');

/** What a capture says of itself: whether it runs, how far it is behind, what it could not take. */
function describeCapture(capture: NonNullable<Status['streams'][number]['capture']>): string[] {
  const { running, connected, host, eventsPerSecond, lagSeconds, stalled, paused, retrying } = capture;
  const rejected = Object.entries(capture.rejected).map(([reason, n]) => `${thousands(n)} ${reason}`);
  const leftOut = Object.values(capture.leftOut).reduce((sum, n) => sum + n, 0);
  const now = running
    ? [
        connected ? `follows ${host}` : `can't reach ${host}`,
        `${thousands(Math.round(eventsPerSecond))} events/s`,
        lagSeconds === null ? 'no event yet' : `lag ${span(lagSeconds)}`,
        ...(stalled === null ? [] : [`can't write: ${stalled}`]),
        ...(paused && stalled === null ? ['slows the server down'] : []),
      ]
    : ['not running'];
  return [
    ...now,
    ...(rejected.length > 0 ? [`rejected ${rejected.join(', ')}`] : []),
    ...(retrying > 0 ? [`${thousands(retrying)} to be tried again`] : []),
    ...(leftOut > 0 ? [`${thousands(leftOut)} of other collections left out`] : []),
  ];
}

/** `status` as lines of a terminal; about one screen. */
export function describeStatus(status: Status): string[] {
  const { lake, nowUs, server, streams } = status;
  const ago = (us: number) => `${span(Math.max(0, (nowUs - us) / 1e6))} ago`;
  const lines: string[] = [];
  const line = (name: string, text: string): void => void lines.push(`${name.padEnd(11)} ${text}`);
  const more = (text: string): void => line('', text);

  line('lake', status.lakeRoot);
  const eventUs = lastDurableEventUs(status);
  line(
    'capture',
    eventUs === null
      ? 'nothing yet'
      : `${thousands(lake.records)} operations landed; newest durable event ${clock(eventUs)} UTC, lag ${span(Math.max(0, (nowUs - eventUs) / 1e6))}`,
  );
  for (const s of streams) {
    const parts = [
      ...(s.capture === null ? [] : describeCapture(s.capture)),
      s.cursor === null ? null : `durable cursor ${s.cursor}`,
      s.sealedWaiting > 0
        ? `${plural(s.sealedWaiting, 'segment')} to be landed (${plural(s.linesWaiting, 'line')})`
        : null,
      s.open > 0 ? `${s.open} open` : null,
      s.lastWrittenUs > 0 ? `last written ${ago(s.lastWrittenUs)}` : null,
    ].filter((part) => part !== null);
    more(`${s.stream}: ${parts.join(', ')}`);
  }

  line(
    'gaps',
    lake.gaps.length === 0
      ? 'none open'
      : lake.gaps
          .map((g) => `${g.open} ${g.kind}${g.oldestUs === null ? '' : ` (since ${clock(g.oldestUs)})`}`)
          .join(', '),
  );
  line(
    'rejected',
    lake.rejected.length === 0
      ? 'none in 7 days'
      : `in 7 days: ${lake.rejected.map((r) => `${thousands(r.events)} ${r.reason}`).join(', ')}`,
  );

  line('labels', lake.queue === null ? 'no queue yet' : `queue of ${ago(lake.queue.publishedMs * 1000)}`);
  for (const one of lake.coverage) {
    const known = one.labelled + one.queued + one.failed;
    const share =
      known === 0
        ? 'nothing to label'
        : `${((100 * one.labelled) / known).toFixed(1)}% of ${thousands(known)}`;
    const open = [
      one.queued > 0 ? `${thousands(one.queued)} queued` : null,
      one.failed > 0 ? `${thousands(one.failed)} without an answer` : null,
    ].filter((part) => part !== null);
    more(`${one.labeler.padEnd(24)} ${share}${open.length > 0 ? `, ${open.join(', ')}` : ''}`);
  }

  const generation = lake.generation;
  line(
    'feeds',
    generation === null
      ? 'none published yet'
      : `generation ${generation.generation}, published ${ago(generation.published_us)}: ${thousands(generation.feeds)} feeds, ${thousands(generation.positions)} positions`,
  );
  line(
    'people',
    lake.participants === 0 ? 'nobody enrolled' : `${thousands(lake.participants)} active participants`,
  );
  line(
    'server',
    server.up
      ? `up at ${server.url}, serves ${server.generation ?? `nothing yet (${server.reason ?? 'no generation'})`}`
      : `down at ${server.url} (${server.reason ?? 'no answer'})`,
  );

  line('runs', status.runs.length === 0 ? 'none in 7 days' : '');
  lines.push(...describeRuns(status.runs.slice(0, 6)).map((text) => `  ${text}`));
  const [first = '', ...others] = nextSteps(status);
  line('next', first);
  for (const step of others) more(step);
  return lines;
}
