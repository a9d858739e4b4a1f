import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfig, type Config } from '../ops/config/index.ts';

/** An empty folder that is removed when the test that asked for it has finished. Call it inside a test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-test-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A configuration whose lake, spool, warehouse and store are in one folder, with servers on loopback allowed. */
export function configIn(folder: string, env: Record<string, string> = {}): Config {
  return loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
      FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
      FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse', 'feedtrial.duckdb'),
      FEEDTRIAL_STUDY_DB: path.join(folder, 'study', 'study.sqlite'),
      FEEDTRIAL_ALLOW_LOOPBACK: '1',
      FEEDTRIAL_PORT: '0',
      ...env,
    },
    folder,
  );
}
