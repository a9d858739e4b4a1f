import { createHash } from 'node:crypto';

/** A number in [0, parts) that depends on the key alone: the same split on every machine and in every order of rows. */
export function splitByHash(key: string, parts: number): number {
  return createHash('md5').update(key).digest().readUInt32BE(0) % parts;
}

/** Row numbers by group, such as by author. */
export function groupRows(groups: readonly string[]): number[][] {
  const found = new Map<string, number[]>();
  groups.forEach((group, row) => {
    const rows = found.get(group);
    if (rows) rows.push(row);
    else found.set(group, [row]);
  });
  return [...found.values()];
}

/**
 * Predicts each row by a model that saw no row of its group: groups are dealt to folds by hash.
 * @param fit trains on rows and returns what scores a row
 */
export function crossValidate(
  groups: readonly string[],
  folds: number,
  fit: (train: readonly number[]) => (row: number) => number,
  salt = '',
): Float64Array {
  const foldOf = groups.map((group) => splitByHash(`${salt}${group}`, folds));
  const predicted = new Float64Array(groups.length);
  for (let fold = 0; fold < folds; fold++) {
    const test = foldOf.flatMap((f, row) => (f === fold ? [row] : []));
    if (test.length === 0) continue;
    const score = fit(foldOf.flatMap((f, row) => (f === fold ? [] : [row])));
    for (const row of test) predicted[row] = score(row);
  }
  return predicted;
}
