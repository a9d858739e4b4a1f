import { frameType, parseFrame } from '../firehose/frame.ts';
import type { SigningKeys } from '../identity/keys.ts';
import { Rejection } from '../rejection.ts';
import type { GapStatement } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';
import type { Source, SourceEvents } from '../stream/source.ts';
import { newSourceCounts, sourceCounters } from '../stream/source.ts';
import { isSigned, readLabel } from './label.ts';

export interface ModerationSourceOptions {
  url: URL;
  spool: Spool;
  events: SourceEvents;
  /** Keys that labelers sign with; null takes labels unverified. */
  keys: SigningKeys | null;
  now?: () => number;
}

interface Waiting {
  frame: Buffer;
  receivedUs: number;
}

/**
 * com.atproto.label.subscribeLabels. A label has no witness time but ours, so `event_us` is when it was taken in; when the
 * labeler made it is `cts_us`. One that its labeler didn't sign goes to the rejected, with its frame.
 */
export function openModerationSource(options: ModerationSourceOptions): Source {
  const { url, spool, events, keys, now = Date.now } = options;
  const counters = sourceCounters();
  const counts = newSourceCounts();
  const backlog = { messages: 0, bytes: 0 };
  const waiting: Waiting[] = [];
  let working: Promise<void> | null = null;
  let closed = false;
  let lastSeq: number | null = null;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);

  const stamp = (t: string, seq: number | null, receivedUs: number) => ({
    t,
    seq,
    event_us: receivedUs,
    ingested_at: receivedUs,
    source: 'moderation',
  });

  const verify = async (given: Record<string, unknown>, src: string, receivedUs: number): Promise<void> => {
    if (keys === null) return;
    let answer = await keys.get(src, null);
    if (answer.key !== null && !isSigned(given, answer.key)) answer = await keys.get(src, receivedUs / 1000);
    if (answer.key === null) throw new Rejection('did_unresolved', answer.error);
    if (!isSigned(given, answer.key))
      throw new Rejection('bad_signature', `the label is not signed by the labeling key of ${src}`);
  };

  const work = async ({ frame, receivedUs }: Waiting): Promise<void> => {
    const rows: Record<string, unknown>[] = [];
    let seq: number | null = null;
    let moves = false;
    const reject = (error: unknown, did: string | null): void => {
      const { reason, message } =
        error instanceof Rejection ? error : new Rejection('malformed_frame', (error as Error).message);
      counts.rejected[reason] = (counts.rejected[reason] ?? 0) + 1;
      counters.rejected.add(1, { reason });
      const kept = frame.toString('base64');
      rows.push({
        ...stamp('rejected', seq, receivedUs),
        did,
        reason,
        detail: message,
        frame: kept,
        attempts: 1,
      });
    };
    try {
      const parsed = parseFrame(frame);
      const { body } = parsed;
      const type = frameType(parsed);
      counters.events.add(1, { type });
      if (type === 'info' || type === 'error') {
        const name = body.name ?? body.error;
        events.onNotice({
          kind: type,
          name: typeof name === 'string' ? name : '',
          message: typeof body.message === 'string' ? body.message : '',
        });
      } else {
        seq = Number.isSafeInteger(body.seq) ? (body.seq as number) : null;
        moves = seq !== null;
        if (type === 'labels') {
          if (seq === null || !Array.isArray(body.labels))
            throw new Rejection('malformed_frame', '#labels without a seq or labels');
          for (const given of body.labels as Record<string, unknown>[]) {
            let did: string | null = null;
            try {
              const label = readLabel(given);
              did = label.src;
              await verify(given, label.src, receivedUs);
              const { src, uri, cid, val, neg, ctsUs, expUs } = label;
              counts.rows.moderation_label = (counts.rows.moderation_label ?? 0) + 1;
              const columns = { src, uri, cid, val, neg, cts_us: ctsUs, exp_us: expUs };
              rows.push({ ...stamp('moderation_label', seq, receivedUs), ...columns });
            } catch (error) {
              reject(error, did);
            }
          }
        } else counts.rows[type] = (counts.rows[type] ?? 0) + 1;
      }
    } catch (error) {
      reject(error, null);
    }
    if (closed) return; // it is after the cursor, and comes again
    if (moves && rows.length === 0) rows.push(stamp('cursor', seq, receivedUs));
    const lines = rows.map((row, i) =>
      JSON.stringify(i < rows.length - 1 || !moves ? { ...row, resume: false } : row),
    );
    if (lines.length > 0) spool.append(`${lines.join('\n')}\n`, lines.length, moves ? seq : null);
    counts.events++;
    if (seq === null) return;
    if (lastSeq !== null && seq <= lastSeq) counts.stepsBack++;
    lastSeq = seq;
    events.onTaken({ first: { seq, us: receivedUs }, cursor: seq, us: receivedUs });
  };

  const drain = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !closed; next = waiting.shift()) {
      await work(next);
      backlog.messages--;
      backlog.bytes -= next.frame.length;
    }
    working = null;
  };

  return {
    stream: 'moderation',
    counts,
    retrying: 0,
    backlog,
    failed,
    url(cursor) {
      const asked = new URL(url);
      if (cursor !== null) asked.searchParams.set('cursor', String(cursor));
      return asked.href;
    },
    take(frame) {
      waiting.push({ frame, receivedUs: Math.round(now() * 1000) });
      backlog.messages++;
      backlog.bytes += frame.length;
      working ??= drain().catch(fail);
    },
    async drained() {
      while (working !== null && !closed) await working;
    },
    stateGap(gap: GapStatement, cursor) {
      const nowUs = Math.round(now() * 1000);
      const line = { ...stamp('gap', null, nowUs), ...gap, ...(cursor === null ? {} : { cursor }) };
      spool.append(`${JSON.stringify(line)}\n`, 1, cursor);
    },
    async close() {
      closed = true;
    },
  };
}
