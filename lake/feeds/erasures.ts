/** Rewritten by each erasure: feed servers that see it change load again what they have in memory. */
export const erasuresPath = 'feeds/erasures.json';
