import type { BatchSettings } from './batch.ts';
import { collectionFilter } from './collections.ts';
import { fastDecoder } from './decode-fast.ts';
import type { Decoder } from './decoder.ts';
import type { WorkerSettings } from './worker-messages.ts';

const loadReference = async (): Promise<Decoder> => (await import('./decode-reference.ts')).referenceDecoder;

/** Settings that cross to a thread as plain data, made into what a batch is processed with. */
export async function batchSettings(settings: WorkerSettings): Promise<BatchSettings> {
  const fast = settings.decoder === 'fast';
  return {
    decoder: fast ? fastDecoder : await loadReference(),
    reference: fast ? loadReference : null,
    verify: settings.verify,
    keeps: collectionFilter(settings.collections),
    maxFrameBytes: settings.maxFrameBytes,
  };
}
