/** What a labeler did in a run. */
export interface LabelerSummary {
  labeler: string;
  version: string;
  /** Posts that were to be asked about, after what was labelled before and within shard and limit. */
  queued: number;
  ok: number;
  failed: number;
  refused: number;
  skipped: number;
  seconds: number;
  status: 'done' | 'stopped' | 'failed';
  /** Why it failed, or at which limit it stopped; null where neither is so. */
  error: string | null;
}

/** Of a labeler that hasn't done anything yet. */
export const emptySummary = (labeler: string, version: string): LabelerSummary => ({
  labeler,
  version,
  queued: 0,
  ok: 0,
  failed: 0,
  refused: 0,
  skipped: 0,
  seconds: 0,
  status: 'done',
  error: null,
});
