import { studentOnEmbeddings } from './student-on-embeddings.ts';

/** Probability that a post is constructive; learned from a score that is not the study's REASONING; see students/starter/constructive.md. */
export const studentConstructive = studentOnEmbeddings('student_constructive', 'constructive');
