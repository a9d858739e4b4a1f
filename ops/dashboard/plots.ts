import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

export type Point = { at: Date; value: number; series?: string };

export interface PlotOptions {
  points: Point[];
  /** Unit of the value axis. */
  label: string;
  kind: 'lines' | 'bars' | 'steps' | 'dots';
  percent?: boolean;
  /** Spans to shade, such as open gaps. */
  shaded?: { from: Date; to: Date; color: string }[];
  series?: string[];
  height?: number;
  /** Top of the value axis, where what matters is far below it. */
  top?: number;
}

/** Colours that people who see no red or green can tell apart (Okabe and Ito), in the order of the series. */
export const palette = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#7f7f7f',
  '#000000',
];

/** One width each: a wide screen's and a phone's. A plot that is only scaled down can't be read. */
const widths = { wide: 540, narrow: 330 } as const;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** '06:00', and the date at midnight; UTC. */
const moment = (at: Date): string =>
  at.getUTCHours() + at.getUTCMinutes() === 0
    ? `${months[at.getUTCMonth()] ?? ''} ${at.getUTCDate()}`
    : at.toISOString().slice(11, 16);

/** '0.15', '12k', '3M'. */
const short = (value: number): string =>
  value.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

// its types want a browser's document, which this project's types don't have
const plotIn = Plot.plot as unknown as (options: Record<string, unknown>) => { outerHTML: string };

function draw(options: PlotOptions, width: number): string {
  const { points, label, kind, percent = false, shaded = [], height = 220, series = [] } = options;
  const page = parseHTML('<!doctype html><html><body></body></html>') as unknown as { document: unknown };
  const title = (point: Point): string =>
    `${point.series === undefined ? '' : `${point.series}\n`}${point.at.toISOString().slice(0, 16).replace('T', ' ')} UTC\n${percent ? `${(100 * point.value).toFixed(1)} %` : point.value.toLocaleString('en-US', { maximumFractionDigits: 3 })}`;
  const colored = series.length > 0;
  const stroke = colored ? { stroke: 'series' } : { stroke: palette[0] as string };
  const narrow = width < 500;
  const marks: unknown[] = [
    Plot.ruleY([0], { stroke: '#8a8a8a' }),
    Plot.rect(shaded, { x1: 'from', x2: 'to', fill: 'color', fillOpacity: 0.25 }),
  ];
  if (kind === 'bars')
    marks.push(
      Plot.rectY(points, {
        x: 'at',
        y: 'value',
        interval: 'hour',
        fill: palette[0] as string,
        title,
        inset: 0,
      }),
    );
  else {
    // dots: of values that have nothing between them
    if (kind !== 'dots')
      marks.push(
        Plot.lineY(points, {
          x: 'at',
          y: 'value',
          ...(colored ? { z: 'series' } : {}),
          ...stroke,
          strokeWidth: 1.8,
          curve: kind === 'steps' ? 'step-after' : 'linear',
        }),
      );
    marks.push(
      Plot.dot(points, {
        x: 'at',
        y: 'value',
        ...(colored ? { fill: 'series' } : { fill: palette[0] as string }),
        r: points.length > 300 ? 1 : 2.5,
        title,
      }),
    );
  }
  // an axis from 0 to 0 would fill the plot with what isn't there
  const top = options.top ?? (points.every(({ value }) => value === 0) ? 1 : undefined);
  const figure = plotIn({
    document: page.document,
    width,
    height,
    marginLeft: narrow ? 44 : 56,
    marginRight: 14,
    marginTop: 22,
    style: {
      background: 'transparent',
      fontSize: narrow ? '11px' : '12px',
      fontFamily: 'system-ui, sans-serif',
    },
    x: { type: 'utc', label: null, ticks: narrow ? 3 : 6, tickFormat: moment },
    y: {
      label,
      grid: true,
      zero: true,
      nice: true,
      ticks: 4,
      ...(top === undefined ? {} : { domain: [0, top] }),
      ...(percent
        ? { tickFormat: (share: number) => `${Math.round(share * 1000) / 10}%` }
        : { tickFormat: short }),
    },
    ...(colored ? { color: { domain: series, range: palette.slice(0, series.length) } } : {}),
    marks,
  });
  return figure.outerHTML;
}

/** A plot as SVG for both kinds of screen; the page shows one of the two. */
export function plot(options: PlotOptions): string {
  if (options.points.length === 0) return '<p class="none">Nothing yet.</p>';
  return (Object.keys(widths) as (keyof typeof widths)[])
    .map((name) => `<div class="${name}">${draw(options, widths[name])}</div>`)
    .join('');
}
