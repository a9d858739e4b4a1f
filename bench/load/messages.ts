/** What a load generator serves. */
export interface LoadSettings {
  /** 'real': the recorded frames again and again; 'synthetic': as many distinct commits; 'jetstream': recorded events. */
  kind: 'real' | 'synthetic' | 'jetstream';
  /** Messages in all, and how many of them come before the measurement. */
  count: number;
  warm: number;
  accounts: number;
  /** Messages a second once told to go; null sends what the reader takes. */
  rate: number | null;
  /** How long the directory of DIDs takes for an answer; milliseconds. */
  directoryDelayMs: number;
  /** For so long from the word to go; milliseconds. */
  directoryDelayForMs: number;
}

export type FromLoad =
  | { kind: 'listening'; url: string; plcUrl: string; bytes: number; operations: number }
  | { kind: 'sent'; seconds: number };
export type ToLoad = { kind: 'go' };

export interface CaptureSettings {
  source: 'firehose' | 'jetstream';
  url: string;
  plcUrl: string;
  folder: string;
  count: number;
  warm: number;
  workers: number;
  /** From the word to go each write to the disk takes so long, for so long; milliseconds. */
  diskDelayMs: number;
  diskDelayForMs: number;
}

/** What a reader came to between the word to go and the last durable line. */
export interface Reading {
  events: number;
  rows: Record<string, number>;
  rejected: number;
  seconds: number;
  cpuSeconds: number;
  /** Highest resident size since it began; MB. */
  rssMb: number;
}

export type FromReader = { kind: 'warm' } | { kind: 'going' } | { kind: 'done'; reading: Reading };
export type ToReader = { kind: 'go' };
