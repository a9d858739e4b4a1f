import { measures, type Measure, type SimulationReport } from './report.ts';

// Okabe and Ito's colours: told apart by those who see red and green alike.
const colours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];

const text = (value: string): string =>
  value.replace(
    /[&<>"]/g,
    (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign,
  );

const number = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3);

const panelWidth = 430;
const rowHeight = 24;
const labelWidth = 150;

/** Ends of an axis that holds every interval, with some air. */
function axisOf(intervals: readonly (readonly [number, number])[]): [number, number] {
  const low = Math.min(...intervals.map(([from]) => from));
  const high = Math.max(...intervals.map(([, to]) => to));
  const air = (high - low || Math.abs(high) || 1) * 0.15;
  return [low >= 0 ? Math.max(low - air, 0) : low - air, high + air]; // nothing here is less than 0 by nature
}

/** Round numbers within an axis, two to five of them, and how many decimals they need. */
function ticksOf(low: number, high: number): { ticks: number[]; decimals: number } {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step),
    decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
  };
}

interface Panel {
  svg: string;
  height: number;
}

function measurePanel(report: SimulationReport, measure: Measure): Panel | null {
  const rows = report.arms.flatMap(({ arm, measures: all }, i) => {
    const { mean, margin } = all[measure];
    return mean === null
      ? []
      : [{ arm, mean, margin: margin ?? 0, colour: colours[i % colours.length] as string }];
  });
  if (rows.length === 0) return null;
  const [low, high] = axisOf(rows.map(({ mean, margin }) => [mean - margin, mean + margin]));
  const { ticks, decimals } = ticksOf(low, high);
  const left = labelWidth;
  const right = panelWidth - 60;
  const x = (value: number): number => left + ((value - low) / (high - low)) * (right - left);
  const height = 58 + rows.length * rowHeight;
  const bottom = 30 + rows.length * rowHeight;
  const parts = [
    `<text x="0" y="14" class="title">${text(measures[measure])}</text>`,
    ...ticks.map(
      (value) =>
        `<line x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="26" y2="${bottom}" class="grid"/><text x="${x(value).toFixed(1)}" y="${bottom + 15}" class="tick" text-anchor="middle">${value.toFixed(decimals)}</text>`,
    ),
    ...rows.map(({ arm, mean, margin, colour }, i) => {
      const y = 40 + i * rowHeight;
      return [
        `<text x="${labelWidth - 10}" y="${y + 4}" text-anchor="end">${text(arm)}</text>`,
        `<line x1="${x(mean - margin).toFixed(1)}" x2="${x(mean + margin).toFixed(1)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2"/>`,
        `<circle cx="${x(mean).toFixed(1)}" cy="${y}" r="4.5" fill="${colour}"/>`,
        `<text x="${right + 10}" y="${y + 4}">${number(mean)}</text>`,
      ].join('');
    }),
  ];
  return { svg: parts.join(''), height };
}

function overlapPanel(report: SimulationReport): Panel {
  const names = report.arms.map(({ arm }) => arm);
  const size = Math.min(64, (panelWidth - labelWidth) / Math.max(names.length, 1));
  const parts = [
    `<text x="0" y="14" class="title">overlap: share of a row's posts that the column shows too</text>`,
  ];
  names.forEach((one, row) => {
    const y = 30 + row * rowHeight;
    parts.push(`<text x="${labelWidth - 10}" y="${y + 16}" text-anchor="end">${text(one)}</text>`);
    names.forEach((other, column) => {
      const share = report.overlap[one]?.[other] ?? 0;
      const x = labelWidth + column * size;
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${(size - 2).toFixed(1)}" height="${rowHeight - 2}" fill="#0072B2" fill-opacity="${share.toFixed(3)}" stroke="#ccc"/>`,
        `<text x="${(x + size / 2 - 1).toFixed(1)}" y="${y + 15}" text-anchor="middle" fill="${share > 0.55 ? '#fff' : '#222'}">${Math.round(share * 100)}%</text>`,
      );
    });
  });
  const bottom = 30 + names.length * rowHeight;
  names.forEach((name, column) => {
    const x = labelWidth + (column + 0.5) * size;
    parts.push(
      `<text x="${x.toFixed(1)}" y="${bottom + 12}" text-anchor="end" transform="rotate(-30 ${x.toFixed(1)} ${bottom + 12})">${text(name)}</text>`,
    );
  });
  return { svg: parts.join(''), height: bottom + 100 };
}

/** The report as one SVG: a panel a measure, means with 95% intervals over participants, and how far arms overlap. */
export function plotSvg(report: SimulationReport): string {
  const panels = [
    ...(Object.keys(measures) as Measure[]).flatMap((measure) => measurePanel(report, measure) ?? []),
    overlapPanel(report),
  ];
  const columns = 2;
  const gap = 30;
  const margin = 24;
  const heights: number[] = [];
  panels.forEach(({ height }, i) => {
    const row = Math.floor(i / columns);
    heights[row] = Math.max(heights[row] ?? 0, height);
  });
  const top = (row: number): number =>
    109 + heights.slice(0, row).reduce((sum, height) => sum + height + 14, 0);
  const width = margin * 2 + columns * panelWidth + gap;
  const height = top(heights.length) + 10;
  const body = panels.map(
    ({ svg }, i) =>
      `<g transform="translate(${margin + (i % columns) * (panelWidth + gap)} ${top(Math.floor(i / columns))})">${svg}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<style>.title{font-size:13px;font-weight:600}.grid{stroke:#ddd}.tick{fill:#666;font-size:11px}</style>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${margin}" y="30" font-size="17" font-weight="600">What each arm would have shown</text>
<text x="${margin}" y="50" fill="#555">${text(report.from)}, as of ${text(report.as_of)}: ${report.posts} posts, ${report.participants} participants in every arm, first ${report.first} positions</text>
<text x="${margin}" y="67" fill="#555">means with 95% intervals over participants, who are all shown the same posts; axes differ and need not begin at 0</text>
<text x="${margin}" y="84" fill="#555">another day's posts may differ by more than these intervals</text>
${body.join('\n')}
</svg>
`;
}

/** The report as lines for a terminal: a row an arm, a bar a measure. */
export function plotText(report: SimulationReport): string[] {
  const lines: string[] = [];
  const widest = Math.max(...report.arms.map(({ arm }) => arm.length), 3);
  for (const measure of Object.keys(measures) as Measure[]) {
    const known = report.arms.flatMap(({ measures: all }) => all[measure].mean ?? []);
    if (known.length === 0) continue;
    lines.push(measures[measure]);
    const most = Math.max(...known, 0);
    for (const { arm, measures: all } of report.arms) {
      const { mean, margin } = all[measure];
      if (mean === null) continue;
      const bar = '█'.repeat(most > 0 ? Math.max(Math.round((mean / most) * 40), 0) : 0);
      lines.push(
        `  ${arm.padEnd(widest)}  ${bar.padEnd(40)}  ${number(mean)}${margin === null ? '' : ` ± ${number(margin)}`}`,
      );
    }
  }
  lines.push("overlap: share of a row's posts that the column shows too");
  const names = report.arms.map(({ arm }) => arm);
  lines.push(
    `  ${''.padEnd(widest)}  ${names.map((name) => name.padStart(Math.max(name.length, 5))).join('  ')}`,
  );
  for (const one of names)
    lines.push(
      `  ${one.padEnd(widest)}  ${names.map((other) => `${Math.round((report.overlap[one]?.[other] ?? 0) * 100)}%`.padStart(Math.max(other.length, 5))).join('  ')}`,
    );
  return lines;
}
