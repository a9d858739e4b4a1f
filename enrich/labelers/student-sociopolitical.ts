import { studentOnEmbeddings } from './student-on-embeddings.ts';

/** Probability that a post is about politics or society; see students/starter/sociopolitical.md. */
export const studentSociopolitical = studentOnEmbeddings('student_sociopolitical', 'sociopolitical');
