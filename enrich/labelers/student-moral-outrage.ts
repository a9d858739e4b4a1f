import { studentOnEmbeddings } from './student-on-embeddings.ts';

/** Probability that a post expresses moral outrage; see students/starter/moral_outrage.md. */
export const studentMoralOutrage = studentOnEmbeddings('student_moral_outrage', 'moral_outrage');
