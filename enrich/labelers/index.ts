import type { Labeler } from '../labeler.ts';
import { llmLabeler } from '../llm/labeler.ts';
import { tasks } from '../llm/tasks/index.ts';
import { embeddings } from './embeddings.ts';
import { language } from './language.ts';
import { studentConstructive } from './student-constructive.ts';
import { studentMoralOutrage } from './student-moral-outrage.ts';
import { studentReasoning } from './student-reasoning.ts';
import { studentSociopolitical } from './student-sociopolitical.ts';
import { perspective } from './perspective.ts';
import { studentToxicity } from './student-toxicity.ts';

/** Every labeler, in the order in which they are asked: embeddings before the students that read them. */
export const labelers: readonly Labeler[] = [
  language,
  perspective,
  studentToxicity,
  embeddings,
  studentSociopolitical,
  studentConstructive,
  studentMoralOutrage,
  studentReasoning,
  ...tasks.map(llmLabeler),
];
