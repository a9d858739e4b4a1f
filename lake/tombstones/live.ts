import { tables } from '../schemas/index.ts';

/**
 * Deletions that landing hasn't put into the table yet, as JSON lines below `tombstones/live`: capture writes them within seconds,
 * so that what was deleted goes from served feeds without waiting for a landing. A file only grows, and is written whole.
 */
export interface LiveTombstone {
  kind: 'record' | 'account';
  did: string;
  /** Null for an account. */
  uri: string | null;
  /** False where it may be shown again. */
  hidden: boolean;
  /** When it happened, microseconds UTC. */
  event_us: number;
}

export const liveTombstoneFolder = `${tables.tombstones.folder}/live`;

/** File of what one capture has seen from a moment on. */
export const liveTombstoneFile = (stream: string, fromMs: number, runId: string): string =>
  `${liveTombstoneFolder}/${stream}/${fromMs}-${runId}.ndjson`;

/** The moment in the name of such a file; null for any other. */
export function liveTombstoneFromMs(file: string): number | null {
  const match = /\/(\d{13})-[^/]*\.ndjson$/.exec(file);
  return match === null ? null : Number(match[1]);
}

export const liveTombstoneLine = (tombstone: LiveTombstone): string => `${JSON.stringify(tombstone)}\n`;

/** What a file says; lines that aren't tombstones are passed over. */
export function readLiveTombstones(content: Uint8Array): LiveTombstone[] {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const read = JSON.parse(line) as LiveTombstone;
        return typeof read.did === 'string' && Number.isSafeInteger(read.event_us) ? [read] : [];
      } catch {
        return [];
      }
    });
}
