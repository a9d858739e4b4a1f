import { alertKey } from '../alerts/index.ts';
import { describeValue, numberOf } from '../alerts/describe.ts';
import { clock, span } from '../runs/index.ts';
import type { DashboardData } from './data.ts';
import { palette, plot, type Point } from './plots.ts';
import { style } from './style.ts';

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => escapes[c] ?? c);

const count = (n: number): string => Math.round(n).toLocaleString('en-US');
const at = (us: number): Date => new Date(us / 1000);

function legend(series: readonly string[]): string {
  if (series.length < 2) return '';
  const items = series.map(
    (name, i) => `<li><span style="background:${palette[i] ?? '#000'}"></span>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

interface Figure {
  title: string;
  note: string;
  body: string;
}

const figure = ({ title, note, body }: Figure): string =>
  `<figure><figcaption><h3>${escapeHtml(title)}</h3><p>${escapeHtml(note)}</p></figcaption>${body}</figure>`;

const tile = (name: string, value: string, state: 'good' | 'bad' | 'plain', note = ''): string =>
  `<div class="tile ${state}"><span>${escapeHtml(name)}</span><strong>${escapeHtml(value)}</strong><small>${escapeHtml(note)}</small></div>`;

function table(head: string[], rows: string[][], numeric: number[] = []): string {
  const cls = (i: number): string => (numeric.includes(i) ? ' class="number"' : '');
  const cells = (tag: string, row: string[]): string =>
    `<tr>${row.map((cell, i) => `<${tag}${cls(i)}>${cell}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table></div>`;
}

const armsOf = (rows: { arm: string }[]): string[] => [...new Set(rows.map(({ arm }) => arm))].toSorted();

function tiles(data: DashboardData): string {
  const pages = data.alerts.filter((alert) => alert.severity === 'page').length;
  const hours = data.captureHours;
  const complete = hours.filter((hour) => hour.is_complete).length;
  const lastDay = hours.filter((hour) => hour.hour_us >= data.observedUs - 86_400e6);
  const newestUs = Math.max(0, ...data.generations.map((row) => row.ranked_us));
  const served = data.armHours.filter(
    (row) => row.served_us >= data.observedUs - 86_400e6 && row.arm !== 'Others' && row.arm !== '_none',
  );
  const answers = served.reduce((sum, row) => sum + row.answers, 0);
  const fallbacks = served.reduce((sum, row) => sum + row.fallbacks, 0);
  return `<div class="tiles">${[
    tile(
      'Alerts',
      data.alerts.length === 0 ? 'none' : String(data.alerts.length),
      pages > 0 ? 'bad' : 'good',
      pages > 0 ? `${pages} to act on now` : 'nothing to act on now',
    ),
    tile(
      'Operations in 24 h',
      count(lastDay.reduce((sum, hour) => sum + hour.operations, 0)),
      'plain',
      'captured from the network',
    ),
    tile(
      'Hours complete',
      hours.length === 0 ? 'none yet' : `${((100 * complete) / hours.length).toFixed(1)} %`,
      complete === hours.length ? 'good' : 'plain',
      `${complete} of ${hours.length}`,
    ),
    tile(
      'Newest feeds',
      newestUs === 0 ? 'none yet' : `${span(Math.max(0, (data.observedUs - newestUs) / 1e6))} old`,
      'plain',
      newestUs === 0 ? '' : `${clock(newestUs)} UTC`,
    ),
    tile(
      'Answers in 24 h',
      count(answers),
      'plain',
      answers === 0 ? 'to participants' : `${((100 * fallbacks) / answers).toFixed(1)} % default feed`,
    ),
  ].join('')}</div>`;
}

function alertsOf(data: DashboardData): string {
  if (data.alerts.length === 0) return '<p class="none">No alert.</p>';
  return data.alerts
    .map(
      (alert) =>
        `<article class="alert ${alert.severity}"><h3>${escapeHtml(alertKey(alert).replaceAll('_', ' '))}</h3>
<p><strong>${escapeHtml(describeValue(alert.measured_value, alert.unit))}</strong>, allowed ${escapeHtml(describeValue(alert.threshold, alert.unit))}; since ${clock(alert.since_us)} UTC</p>
${alert.detail === null ? '' : `<p class="detail">${escapeHtml((alert.detail.split('\n')[0] ?? '').slice(0, 200))}</p>`}
<p>${escapeHtml(alert.what_to_do)}. <code>${escapeHtml(alert.runbook)}</code></p></article>`,
    )
    .join('');
}

function capture(data: DashboardData): string {
  const hours = data.captureHours;
  const shaded = hours
    .filter((hour) => hour.open_gaps > 0 || !hour.is_explained)
    .map((hour) => ({
      from: at(hour.hour_us),
      to: at(hour.hour_us + 3600e6),
      color: hour.is_explained ? '#e69f00' : '#d55e00',
    }));
  const open = hours.filter((hour) => hour.open_gaps > 0).length;
  const silent = hours.filter((hour) => !hour.is_explained).length;
  return [
    figure({
      title: 'Ingestion and gaps',
      note: `Operations an hour. Shaded: ${numberOf(open, 'hours')} with an open gap (yellow), ${numberOf(silent, 'hours')} of silence that nothing explains (red).`,
      body: plot({
        kind: 'bars',
        label: 'operations an hour',
        points: hours.map((hour) => ({ at: at(hour.hour_us), value: hour.operations })),
        shaded,
      }),
    }),
    figure({
      title: 'Rejected events',
      note: 'Events an hour that could not be taken; each is kept with its reason.',
      body: hours.every((hour) => hour.rejected_events === 0)
        ? '<p class="none">None.</p>'
        : plot({
            kind: 'bars',
            label: 'events an hour',
            height: 140,
            points: hours.map((hour) => ({ at: at(hour.hour_us), value: hour.rejected_events })),
          }),
    }),
  ].join('');
}

function labels(data: DashboardData): string {
  const labelers = [...new Set(data.coverage.map((row) => row.labeler))];
  const days = new Set(data.coverage.map((row) => row.event_day));
  const rows = labelers.map((labeler) => {
    const mine = data.coverage.filter((row) => row.labeler === labeler);
    const posts = mine.reduce((sum, row) => sum + row.posts, 0);
    const labelled = mine.reduce((sum, row) => sum + row.labelled, 0);
    const asked = data.labelerDays.filter((row) => row.labeler === labeler);
    const cost = asked.reduce((sum, row) => sum + (row.cost_usd ?? 0), 0);
    const failed = asked.reduce((sum, row) => sum + row.failed, 0);
    const share = posts === 0 ? 0 : labelled / posts;
    const bar = `<span class="bar"><span style="width:${(100 * share).toFixed(1)}%"></span></span>${(100 * share).toFixed(1)} %`;
    return [
      escapeHtml(labeler.replaceAll('_', ' ')),
      bar,
      count(posts),
      count(failed),
      cost === 0 ? '' : `$${cost.toFixed(2)}`,
    ];
  });
  const body = [
    figure({
      title: 'Labels',
      note: 'Share of the posts that each labeler should know and does, over the days shown; failed asks; cost.',
      body:
        rows.length === 0
          ? '<p class="none">Nothing yet.</p>'
          : table(['Labeler', 'Coverage', 'Posts', 'Failed', 'Cost'], rows, [2, 3, 4]),
    }),
  ];
  if (days.size > 1)
    body.push(
      figure({
        title: 'Label coverage by day',
        note: 'By the day on which a post was witnessed.',
        body:
          legend(labelers) +
          plot({
            kind: 'lines',
            label: 'share labelled',
            percent: true,
            top: 1,
            series: labelers,
            points: data.coverage.map((row) => ({
              at: new Date(`${row.event_day}T00:00:00Z`),
              value: row.coverage,
              series: row.labeler,
            })),
          }),
      }),
    );
  return body.join('');
}

function arms(data: DashboardData): string {
  const series = armsOf(data.generations);
  const lines = (
    title: string,
    note: string,
    value: (row: DashboardData['generations'][number]) => number | null,
  ): string =>
    figure({
      title,
      note,
      body:
        legend(series) +
        plot({
          kind: 'lines',
          label: 'mean',
          ...(title.startsWith('Share') ? { percent: true, label: 'share' } : {}),
          series,
          points: data.generations.flatMap((row): Point[] => {
            const found = value(row);
            return found === null ? [] : [{ at: at(row.ranked_us), value: found, series: row.arm }];
          }),
        }),
    });
  return [
    lines(
      'Toxicity of what each arm shows',
      'Mean over the labelled posts among the first positions of its feeds, a point a generation.',
      (row) => row.mean_toxic,
    ),
    lines(
      'Constructiveness of what each arm shows',
      'Mean over the labelled posts among the first positions of its feeds.',
      (row) => row.mean_constructive,
    ),
    lines(
      'Share in-network',
      'Positions by authors whom the participant follows.',
      (row) => row.in_network_share,
    ),
    lines(
      'Share by superposters',
      'Positions by authors who post far more than others.',
      (row) => row.superposter_share,
    ),
  ].join('');
}

function exposure(data: DashboardData): string {
  const series = armsOf(data.armHours);
  const rows = series.map((arm) => {
    const mine = data.armHours.filter((row) => row.arm === arm);
    const sum = (value: (row: (typeof mine)[number]) => number): number =>
      mine.reduce((n, row) => n + value(row), 0);
    const answers = sum((row) => row.answers);
    return [
      escapeHtml(arm),
      count(answers),
      count(sum((row) => row.positions)),
      count(Math.max(0, ...mine.map((row) => row.participants))),
      answers === 0 ? '' : `${((100 * sum((row) => row.fallbacks)) / answers).toFixed(1)} %`,
    ];
  });
  return [
    figure({
      title: 'Exposure by arm',
      note: 'Answers an hour, the newest of which is not over. What was sent is not yet what was seen.',
      body:
        legend(series) +
        plot({
          kind: 'lines',
          label: 'answers an hour',
          series,
          points: data.armHours.map((row) => ({
            at: at(row.served_us),
            value: row.answers,
            series: row.arm,
          })),
        }),
    }),
    figure({
      title: 'Exposure in all',
      note: 'Participants: the most in one hour. Default feed: answers that were not a feed of their own.',
      body:
        rows.length === 0
          ? '<p class="none">Nothing was served yet.</p>'
          : table(['Arm', 'Answers', 'Posts sent', 'Participants', 'Default feed'], rows, [1, 2, 3, 4]),
    }),
  ].join('');
}

function health(data: DashboardData): string {
  const disks = [...new Set(data.probes.filter((row) => row.probe === 'disk').map((row) => row.subject))];
  const stages = data.stages.map((row) => [
    escapeHtml(row.stage),
    `<span class="pill ${row.is_on_time ? 'good' : 'bad'}">${row.is_on_time ? 'on time' : 'late'}</span>`,
    escapeHtml(row.last_status ?? 'never ran'),
    row.seconds_since_success === null ? '' : `${span(row.seconds_since_success)} ago`,
    row.allowed_seconds === null ? 'stays up' : span(row.allowed_seconds),
  ]);
  const timed = ['land', 'transform', 'enrich', 'rank', 'observe'];
  const latency = new Map<number, number>();
  for (const row of data.armHours)
    latency.set(row.served_us, Math.max(latency.get(row.served_us) ?? 0, row.latency_ms_p99));
  return [
    figure({
      title: 'Stages',
      note: 'When each last succeeded, and how long it may go without.',
      body:
        stages.length === 0
          ? '<p class="none">Nothing ran yet.</p>'
          : table(['Stage', 'State', 'Last', 'Succeeded', 'Allowed'], stages, [3, 4]),
    }),
    figure({
      title: 'How long stages take',
      note: 'Seconds a run; a cycle builds what leads to the labelers’ queue once or twice, and then everything.',
      body:
        legend(timed) +
        plot({
          kind: 'dots',
          label: 'seconds',
          series: timed,
          points: data.runs
            .filter((row) => timed.includes(row.stage) && ['done', 'partial'].includes(row.status))
            .map((row) => ({ at: at(row.started_us), value: row.duration_s, series: row.stage })),
        }),
    }),
    figure({
      title: 'Time to an answer',
      note: 'Milliseconds within which 99 of 100 answers of an hour were made, the slowest arm.',
      body: plot({
        kind: 'lines',
        label: 'milliseconds',
        height: 160,
        points: [...latency].map(([us, value]) => ({ at: at(us), value })),
      }),
    }),
    figure({
      title: 'Disks',
      note: 'How full the disk of each place is.',
      body:
        legend(disks) +
        plot({
          kind: 'lines',
          label: 'full',
          percent: true,
          top: 1,
          height: 160,
          series: disks,
          points: data.probes.flatMap((row): Point[] =>
            row.probe === 'disk' && row.measured_value !== null
              ? [{ at: at(row.read_us), value: row.measured_value, series: row.subject }]
              : [],
          ),
        }),
    }),
  ].join('');
}

/** The page: one file, with its plots in it, that asks nothing of anybody. */
export function dashboardPage(data: DashboardData): string {
  const sections: [string, string, string][] = [
    ['alerts', 'Alerts', alertsOf(data)],
    ['capture', 'Capture', capture(data)],
    ['labels', 'Labels', labels(data)],
    ['arms', 'Arms', arms(data)],
    ['exposure', 'Exposure', exposure(data)],
    ['health', 'System', health(data)],
  ];
  const blind = data.isUnblinded
    ? 'Unblinded: arms are shown by their names.'
    : 'Blinded: arms are letters. Whoever knows what an arm does may still tell it by what it shows.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>Feedtrial: ${escapeHtml(data.study)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><h1>Feedtrial <span>${escapeHtml(data.study)}</span></h1><p>Observed ${clock(data.observedUs)} UTC. ${blind}</p>
<nav>${sections.map(([id, name]) => `<a href="#${id}">${name}</a>`).join('')}</nav></header>
<main>${tiles(data)}
${sections.map(([id, name, body]) => `<section id="${id}"><h2>${name}</h2><div class="grid">${body}</div></section>`).join('\n')}
</main>
</body>
</html>
`;
}
