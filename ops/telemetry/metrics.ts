import type { Attributes, Counter, Gauge, Histogram, Meter } from '@opentelemetry/api';

/** Every metric, by its name. Add one here before using it. */
const instruments = {
  'feedtrial.stage.duration': { kind: 'histogram', unit: 's', description: 'How long a stage took' },
  'feedtrial.stage.records': { kind: 'counter', unit: '{row}', description: 'Rows that stages handled' },
  'feedtrial.stage.runs': { kind: 'counter', unit: '{run}', description: 'Stages that ended, by status' },
  'feedtrial.dbt.node.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long dbt took over a model, seed or test',
  },
  'feedtrial.alerts.firing': { kind: 'gauge', unit: '{alert}', description: 'Alerts that fire, by rule' },
  'feedtrial.capture.lag': {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the newest event that was witnessed live',
  },
  'feedtrial.capture.operations': {
    kind: 'gauge',
    unit: '{operation}',
    description: 'Operations of the newest hour that has any',
  },
  'feedtrial.capture.gap_hours': {
    kind: 'gauge',
    unit: '{gap}',
    description: 'Hours with an open gap, a gap each',
  },
  'feedtrial.queue.posts': {
    kind: 'gauge',
    unit: '{post}',
    description: 'Posts that a labeler was never asked about',
  },
  'feedtrial.labels.coverage': {
    kind: 'gauge',
    unit: '1',
    description: 'Share of the posts that a labeler should know and does',
  },
  'feedtrial.labels.cost': { kind: 'gauge', unit: 'USD', description: 'What a labeler has cost today' },
  'feedtrial.labels.failed': {
    kind: 'gauge',
    unit: '1',
    description: 'Share of the asks of today that failed',
  },
  'feedtrial.stage.age': { kind: 'gauge', unit: 's', description: 'Time since a stage last succeeded' },
  'feedtrial.disk.fullness': { kind: 'gauge', unit: '1', description: 'How full the disk of a place is' },
  'feedtrial.spool.waiting': {
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest sealed segment has waited',
  },
  'feedtrial.server.up': { kind: 'gauge', unit: '1', description: 'Whether the feed server answers' },
  'feedtrial.serve.latency': {
    kind: 'gauge',
    unit: 'ms',
    description: 'Time within which 99 of 100 answers of the newest hour were made',
  },
  'feedtrial.serve.answers': { kind: 'gauge', unit: '{answer}', description: 'Answers of the newest hour' },
  'gen_ai.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long a request to an LLM took',
  },
  'gen_ai.client.operation.time_to_first_chunk': {
    kind: 'histogram',
    unit: 's',
    description: 'Time until the first part of an answer of an LLM',
  },
  'gen_ai.client.token.usage': {
    kind: 'histogram',
    unit: '{token}',
    description: 'Tokens that a request to an LLM took, in and out',
  },
  'feedtrial.llm.cost': { kind: 'counter', unit: '{USD}', description: 'What LLMs cost, US dollars' },
} as const;

type Instruments = typeof instruments;
type Named<Kind> = {
  [Name in keyof Instruments]: Instruments[Name]['kind'] extends Kind ? Name : never;
}[keyof Instruments];

let meter: Meter | null = null;
const counters = new Map<string, Counter>();
const histograms = new Map<string, Histogram>();
const gauges = new Map<string, Gauge>();

/** Called once telemetry has started: instruments that are made before it stay mute for good. */
export function useMeter(next: Meter | null): void {
  meter = next;
  counters.clear();
  histograms.clear();
  gauges.clear();
}

/** Adds to a counter; nothing happens where telemetry isn't on. */
export function count(name: Named<'counter'>, value: number, attributes: Attributes = {}): void {
  if (!meter) return;
  const known = counters.get(name) ?? meter.createCounter(name, instruments[name]);
  counters.set(name, known);
  known.add(value, attributes);
}

/** Adds a measurement to a histogram; nothing happens where telemetry isn't on. */
export function measure(name: Named<'histogram'>, value: number, attributes: Attributes = {}): void {
  if (!meter) return;
  const known = histograms.get(name) ?? meter.createHistogram(name, instruments[name]);
  histograms.set(name, known);
  known.record(value, attributes);
}

/** Says what a value is now; nothing happens where telemetry isn't on. */
export function gauge(name: Named<'gauge'>, value: number, attributes: Attributes = {}): void {
  if (!meter) return;
  const known = gauges.get(name) ?? meter.createGauge(name, instruments[name]);
  gauges.set(name, known);
  known.record(value, attributes);
}
