/** Writes every page that is made from the code: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../config/config.ts';
import { madePages } from './pages.ts';

for (const { file, page } of madePages) {
  writeFileSync(file, page());
  console.log(path.relative(projectRoot, file));
}
