import { invalidRequest } from '../errors.ts';

/** Which of a generation's feeds a page was cut from. */
export type FeedKind = 'personal' | 'default';

/** Where a reader is: the feed that they began in, and how many of its positions they have passed. */
export interface Cursor {
  generation: string;
  kind: FeedKind;
  offset: number;
}

const maxOffset = 1_000_000;

/** A cursor as text, such as '20261122T101500Z-3f9a1c:personal:50'. */
export function formatCursor({ generation, kind, offset }: Cursor): string {
  return `${generation}:${kind}:${offset}`;
}

/** @throws XrpcError 400 InvalidRequest where the text is not one of ours */
export function parseCursor(text: string): Cursor {
  // The generation becomes part of a path in the lake: nothing but plain names gets through.
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127}):(personal|default):(0|[1-9]\d{0,6})$/.exec(text);
  const offset = Number(match?.[3]);
  if (match === null || offset > maxOffset) throw invalidRequest("'cursor' is not one that this feed gave");
  return { generation: match[1] as string, kind: match[2] as FeedKind, offset };
}
