import type { Answer, QueuedPost } from './labeler.ts';
import type { JournalRow } from './journal.ts';

/** Longest error text that is kept with a row. */
const maxError = 500;

export interface RowContext {
  labeler: string;
  version: string;
  runId: string;
  /** Microseconds UTC. */
  labelledAt: number;
}

/**
 * What is wrong with an answer; null where nothing is. A labeler that says 1.2 or NaN has failed on that post, and the
 * lake never sees the number.
 */
export function invalidAnswer(answer: Answer): string | null {
  if (answer.status !== 'ok') return null;
  if ('embedding' in answer) {
    let squares = 0;
    for (const x of answer.embedding) squares += x * x;
    return Math.abs(squares - 1) < 1e-3
      ? null
      : `FT_ENRICH_ANSWER: an embedding of squared length ${squares}`;
  }
  for (const { label, score } of answer.values)
    if (score !== null && !(score >= 0 && score <= 1)) return `FT_ENRICH_ANSWER: ${label} is ${score}`;
  return null;
}

/** Rows of an answer: one a label, one for an embedding, or one that says why there is none. */
export function rowsOf(post: QueuedPost, answer: Answer, context: RowContext): JournalRow[] {
  const { version, runId, labelledAt } = context;
  const { uri, cid } = post;
  if (answer.status === 'ok' && 'embedding' in answer) {
    return [
      {
        kind: 'embedding',
        uri,
        cid,
        labeler: context.labeler,
        version,
        // nine digits give every float back exactly, in half the bytes of a double's seventeen
        embedding: Array.from(answer.embedding, (x) => Number(x.toPrecision(9))),
        run_id: runId,
        labelled_at: labelledAt,
      },
    ];
  }
  const { usage = {} } = answer;
  const row = (
    label: string,
    score: number | null,
    text: string | null,
    error: string | null,
    status: Answer['status'] = answer.status,
  ): JournalRow => ({
    kind: 'value',
    uri,
    cid,
    version,
    label,
    score,
    text_value: text,
    status,
    error,
    attempt: post.attempt,
    latency_ms: usage.latencyMs ?? null,
    tokens_in: usage.tokensIn ?? null,
    tokens_out: usage.tokensOut ?? null,
    cost_usd: usage.costUsd ?? null,
    run_id: runId,
    labelled_at: labelledAt,
  });
  if (answer.status !== 'ok') return [row('*', null, null, answer.error.slice(0, maxError))];
  return [
    ...answer.values.map(({ label, score, textValue }) => row(label, score, textValue ?? null, null)),
    ...(answer.without ?? []).map(({ label, error }) =>
      row(label, null, null, error.slice(0, maxError), 'skipped'),
    ),
  ];
}
