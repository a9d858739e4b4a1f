import path from 'node:path';
import type { Config } from '../config/index.ts';

/** Where dbt's parts are for one configuration. Two configurations share nothing but the project and `.venv`. */
export interface DbtFolders {
  python: string;
  /** Compiled SQL, manifest.json, partial parse. */
  target: string;
  logs: string;
  /** dbt's own log. */
  logFile: string;
  /** What the worker printed. */
  outputFile: string;
}

/** Interpreter of the project's own Python environment. */
export function pythonOf(projectRoot: string): string {
  return process.platform === 'win32'
    ? path.join(projectRoot, '.venv/Scripts/python.exe')
    : path.join(projectRoot, '.venv/bin/python');
}

/** Folders beside the warehouse file, so that a test's, the demo's and a deployment's never meet. */
export function dbtFolders(config: Config): DbtFolders {
  const home = path.join(
    path.dirname(config.warehouse),
    `${path.basename(config.warehouse, path.extname(config.warehouse))}.dbt`,
  );
  const logs = path.join(home, 'logs');
  return {
    python: pythonOf(config.projectRoot),
    target: path.join(home, 'target'),
    logs,
    logFile: path.join(logs, 'dbt.log'),
    outputFile: path.join(logs, 'worker.log'),
  };
}

/** What dbt is given on top of this process's own environment: everything absolute, statistics off. */
export function dbtEnvironment(config: Config): Record<string, string | undefined> {
  const folders = dbtFolders(config);
  return {
    FEEDTRIAL_EXPORT_KEY: undefined, // pseudonyms are made before dbt runs: it has no business with their key
    FEEDTRIAL_LAKE: config.lake,
    FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
    FEEDTRIAL_WAREHOUSE: config.warehouse,
    FEEDTRIAL_MEMORY_LIMIT: config.memoryLimit,
    FEEDTRIAL_THREADS: String(config.threads),
    FEEDTRIAL_DBT_OUTPUT: folders.outputFile,
    DBT_PROJECT_DIR: config.projectRoot,
    DBT_PROFILES_DIR: config.projectRoot,
    DBT_TARGET_PATH: folders.target,
    DBT_LOG_PATH: folders.logs,
    DBT_LOG_LEVEL: 'none',
    DBT_LOG_LEVEL_FILE: 'none', // the worker writes it
    DBT_USE_COLORS: 'false',
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
    DO_NOT_TRACK: '1',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    TZ: 'UTC',
  };
}
