/**
 * Lints the SQL of the models and of the dbt tests, as compiled by dbt against an empty lake of its own.
 * Arguments are files or folders; `--fix` corrects what can be corrected.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { ensureTables, openEngine, openLake } from '../../lake/index.ts';
import { loadConfig } from '../config/index.ts';
import { dbtFolders } from '../dbt/index.ts';
import { dbtEnvironment } from '../dbt/environment.ts';
import { EXIT } from '../errors/index.ts';

const given = process.argv.slice(2);
const fix = given.includes('--fix');
const scratch = await mkdtemp(path.join(os.tmpdir(), 'feedtrial-lint-'));
try {
  const config = loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(scratch, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(scratch, 'private'),
      FEEDTRIAL_WAREHOUSE: path.join(scratch, 'warehouse', 'lint.duckdb'),
    },
    scratch,
  );
  const { python, logs, target } = dbtFolders(config);
  if (!existsSync(python)) {
    process.stderr.write(`lint: no ${python}\n  fix: run 'npm run setup'\n`);
    process.exit(EXIT.usage);
  }
  await mkdir(logs, { recursive: true });
  await mkdir(target, { recursive: true });
  const engine = await openEngine();
  await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
  await engine.close();
  const folders = given.filter((argument) => argument !== '--fix');
  const sql = folders.length > 0 ? folders : ['models', 'tests/sql'].filter((folder) => existsSync(folder));
  process.stderr.write(`sqlfluff ${fix ? 'fix' : 'lint'} ${sql.join(' ')}\n`);
  const outcome = await execa(
    python,
    ['-m', 'sqlfluff', fix ? 'fix' : 'lint', '--disable-progress-bar', ...sql],
    { cwd: config.projectRoot, env: dbtEnvironment(config), stdio: 'inherit', reject: false },
  );
  process.exitCode = outcome.exitCode ?? EXIT.failed;
} finally {
  await rm(scratch, { recursive: true, force: true });
}
