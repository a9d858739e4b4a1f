import type { KeyAnswer } from '../identity/keys.ts';
import type { BatchResult, FrameBatch } from './batch.ts';

/** What a verifying thread is started with. */
export interface WorkerSettings {
  decoder: 'fast' | 'reference';
  verify: boolean;
  collections: string[];
  maxFrameBytes: number;
}

/** To a thread: frames back to back in one transferred buffer, or the keys that it asked for, or those to ask for anew. */
export type ToWorker =
  | {
      kind: 'batch';
      id: number;
      bytes: ArrayBuffer;
      ends: number[];
      receivedUs: number[];
      retry?: FrameBatch['retry'];
    }
  | { kind: 'keys'; request: number; answers: KeyAnswer[] }
  | { kind: 'forget'; dids: string[] };

/** What a batch came to, without its lines. As JSON text it crosses in a quarter of the time of a structured clone. */
export type CrossingResult = Omit<BatchResult, 'lines'>;

export type FromWorker =
  | {
      kind: 'done';
      id: number;
      /** `CrossingResult` as JSON. */
      result: string;
      lines: Uint8Array;
      /** The batch's own buffer, for another batch. */
      bytes: ArrayBuffer;
    }
  | { kind: 'ask'; request: number; dids: string[]; freshSinceMs: number | null };
