/** Labels: asks labelers about the posts that SQL queued, and keeps what they say with its provenance. */
export { enrich, type EnrichOptions, type EnrichSummary } from './enrich.ts';
export type { LabelerSummary } from './summary.ts';
export type {
  Answer,
  Labeler,
  LabelerContext,
  LabelValue,
  OpenLabeler,
  QueuedPost,
  Usage,
} from './labeler.ts';
export { labelers } from './labelers/index.ts';
export { parseShard, type Shard } from './shard.ts';
export { llmModels } from './llm/tasks/index.ts';
export { openEmbedder, type Embedder } from './embeddings/embedder.ts';
export { evaluateLabeler, type Evaluation } from './evaluate/evaluate-labeler.ts';
export { checkTrainable, studentPlans, trainStudent, type StudentTrained } from './students/train-student.ts';
export { trainStarter, type TrainedStudent } from './students/train-starter.ts';
