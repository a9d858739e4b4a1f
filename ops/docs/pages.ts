import path from 'node:path';
import { projectRoot } from '../config/config.ts';
import { cliPage } from './cli.ts';
import { configurationPage } from './configuration.ts';
import { grafanaDashboard } from './grafana.ts';
import { lineagePage, tablesPage } from './models.ts';
import { rulesPage } from './rules.ts';
import { storagePage } from './storage.ts';

/** Pages that are made from the code, and never edited: file -> text. A test holds the two equal. */
export const madePages: { file: string; page: () => string }[] = [
  { file: 'docs/storage.md', page: storagePage },
  { file: 'docs/rules.md', page: rulesPage },
  { file: 'docs/reference/cli.md', page: cliPage },
  { file: 'docs/reference/configuration.md', page: configurationPage },
  { file: 'docs/reference/tables.md', page: tablesPage },
  { file: 'docs/reference/lineage.md', page: lineagePage },
  { file: 'ops/deploy/grafana/dashboard.json', page: grafanaDashboard },
].map(({ file, page }) => ({ file: path.join(projectRoot, file), page }));
