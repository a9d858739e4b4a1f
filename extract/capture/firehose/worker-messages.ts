import type { KeyAnswer } from '../identity/keys.ts';
import type { BatchResult, FrameBatch } from './batch.ts';

/** What a verifying thread is started with. */
export interface WorkerSettings {
  decoder: 'fast' | 'reference';
  verify: boolean;
  collections: string[];
  maxFrameBytes: number;
}

/** To a thread: frames back to back in one transferred buffer, or the keys that it asked for. */
export type ToWorker =
  | {
      kind: 'batch';
      id: number;
      bytes: ArrayBuffer;
      ends: number[];
      receivedUs: number[];
      retry?: FrameBatch['retry'];
    }
  | { kind: 'keys'; request: number; answers: KeyAnswer[] };

export type FromWorker =
  | { kind: 'done'; id: number; result: Omit<BatchResult, 'lines'>; lines: Uint8Array }
  | { kind: 'ask'; request: number; dids: string[]; freshSinceMs: number | null };
