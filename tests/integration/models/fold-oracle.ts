/** The fold of staging, written apart from it. */

export interface Operation {
  did: string;
  collection: string;
  rkey: string;
  operation: string;
  rev: string;
  record: string | null;
  event_us: bigint;
  live: boolean;
}

export interface Folded {
  uri: string;
  deleted: boolean;
  /** Of the last version that had any; kept for a deleted record. */
  record: Record<string, unknown>;
  eventUs: bigint;
}

/** One pass over a record's operations in the order of the repository. */
export function foldOperations(operations: readonly Operation[]): Folded[] {
  const byRecord = Map.groupBy(operations, (o) => `at://${o.did}/${o.collection}/${o.rkey}`);
  const folded: Folded[] = [];
  for (const [uri, all] of byRecord) {
    const inOrder = all.toSorted((a, b) => (a.rev < b.rev ? -1 : a.rev > b.rev ? 1 : 0));
    const contents = inOrder.filter((o) => o.operation !== 'delete');
    const last = contents.at(-1);
    if (last?.record == null) continue;
    const live = contents.filter((o) => o.live);
    const times = (live.length > 0 ? live : contents).map((o) => o.event_us);
    folded.push({
      uri,
      deleted: inOrder.at(-1)?.operation === 'delete',
      record: JSON.parse(last.record) as Record<string, unknown>,
      eventUs: times.reduce((a, b) => (a < b ? a : b)),
    });
  }
  return folded.sort((a, b) => (a.uri < b.uri ? -1 : 1));
}
