import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';

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
} as const;

type Instruments = typeof instruments;
type Named<Kind> = {
  [Name in keyof Instruments]: Instruments[Name]['kind'] extends Kind ? Name : never;
}[keyof Instruments];

let meter: Meter | null = null;
const counters = new Map<string, Counter>();
const histograms = new Map<string, Histogram>();

/** Called once telemetry has started: instruments that are made before it stay mute for good. */
export function useMeter(next: Meter | null): void {
  meter = next;
  counters.clear();
  histograms.clear();
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
