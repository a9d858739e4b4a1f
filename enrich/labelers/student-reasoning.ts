import { studentOnEmbeddings } from './student-on-embeddings.ts';

/**
 * Perspective's REASONING, distilled: what the 2024 study took for constructive. There is no starter for it, since no
 * published data has that score: a study trains it from its own labels while Perspective is there.
 */
export const studentReasoning = studentOnEmbeddings('student_reasoning', 'reasoning');
