export {
  decodeServing,
  defaultParticipant,
  encodeServing,
  openServing,
  openServingGently,
  type ServedFeed,
  type ServingFile,
  type ServingIndex,
} from './serving.ts';
export {
  currentGenerationPath,
  feedsFile,
  findFeeds,
  formatCurrentGeneration,
  generationFolder,
  pairsFolder,
  readCurrentGeneration,
  servingPath,
  type CurrentGeneration,
} from './current.ts';
export { erasuresPath } from './erasures.ts';
