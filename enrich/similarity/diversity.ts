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
  const relevance = scores.map((score) => (best > 0 ? ((1 - share) * score) / best : 0));
  const nearness = new Float64Array(count); // to nothing at first: 0
  const picked = new Uint8Array(count);
  const result = new Array<number>(count).fill(0);
  for (let pick = 0; pick < count; pick++) {
    let chosen = -1;
    let value = -Infinity;
    for (let i = 0; i < count; i++) {
      if (picked[i] === 1) continue;
      const mine = Math.round(((relevance[i] as number) - share * (nearness[i] as number)) * 1e9) / 1e9;
      if (mine > value) {
        value = mine;
        chosen = i;
      }
    }
    picked[chosen] = 1;
    result[chosen] = value;
    const row = embeddedRow[chosen] as number;
    if (cosines === null || row < 0) continue;
    for (let i = 0; i < count; i++) {
      const other = embeddedRow[i] as number;
      if (other < 0) continue;
      const cosine = Math.round((cosines[row * width + other] as number) * 1e6) / 1e6;
      if (cosine > (nearness[i] as number)) nearness[i] = cosine;
    }
  }
  return result;
}
