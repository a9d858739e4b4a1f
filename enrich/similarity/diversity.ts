/**
 * Maximal marginal relevance: picks candidate after candidate, each the best of `(1 - share) * relevance - share * nearness`,
 * where relevance is the candidate's score over the best score and nearness its largest cosine to what was picked before.
 *
 * The score of a candidate is that value at the moment it was picked. It never rises from one pick to the next, since nearness
 * only grows, so sorting by it gives the order of the picks.
 *
 * @param scores one a candidate; candidates are in order of their URIs, which breaks ties
 * @param cosines `candidates x candidates`, row by row; null where no candidate has an embedding
 * @param embeddedRow row of a candidate in `cosines`, -1 for one without an embedding: near to nothing
 * @example two copies of one post and another, share 0.5, scores 1, 0.9, 0.6: the copy waits until after the other
 */
export function diversityScores(
  scores: readonly number[],
  cosines: Float32Array | null,
  embeddedRow: Int32Array,
  share: number,
): number[] {
  const count = scores.length;
  const width = cosines === null ? 0 : Math.sqrt(cosines.length);
  const best = Math.max(...scores, 0);
  const relevance = Float64Array.from(scores, (score) => (best > 0 ? ((1 - share) * score) / best : 0));
  const nearness = new Float64Array(count); // to nothing at first: 0
  const valueOf = (i: number): number =>
    Math.round(((relevance[i] as number) - share * (nearness[i] as number)) * 1e9) / 1e9;
  const values = Float64Array.from(scores, (_, i) => valueOf(i));
  const waiting = Int32Array.from(scores, (_, i) => i); // in order of URI; the first `left` are still to be picked
  const result = new Array<number>(count).fill(0);
  for (let left = count; left > 0; left--) {
    let at = 0;
    let value = -Infinity;
    for (let k = 0; k < left; k++) {
      const mine = values[waiting[k] as number] as number;
      if (mine > value) {
        value = mine;
        at = k;
      }
    }
    const chosen = waiting[at] as number;
    waiting.copyWithin(at, at + 1, left);
    result[chosen] = value;
    const row = embeddedRow[chosen] as number;
    if (cosines === null || row < 0) continue;
    for (let k = 0; k < left - 1; k++) {
      const i = waiting[k] as number;
      const other = embeddedRow[i] as number;
      if (other < 0) continue;
      const exact = cosines[row * width + other] as number;
      if (exact < (nearness[i] as number) - 1e-6) continue; // most are, and need no rounding
      const cosine = Math.round(exact * 1e6) / 1e6;
      if (cosine > (nearness[i] as number)) {
        nearness[i] = cosine;
        values[i] = valueOf(i);
      }
    }
  }
  return result;
}
