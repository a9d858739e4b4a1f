/** Similarity: exact cosines of candidate posts to what is popular and to what each participant liked. */
export {
  computeSimilarity,
  noSimilarity,
  type SimilarityOptions,
  type SimilaritySummary,
} from './compute.ts';
export { scorePairs, type ScorePairsOptions } from './pairs.ts';
