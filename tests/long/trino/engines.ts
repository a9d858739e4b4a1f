import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { openLake, sqlText, type Engine } from '../../../lake/index.ts';
import { describeTables, trinoDdl } from '../../../ops/athena/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import type { TrinoServer } from '../../services/trino.ts';

export type Target = 'duckdb' | 'trino' | 'athena';

/** Where dbt makes the models on Trino, and where a copy of each view is made to be compared. */
export const schema = 'feedtrial';

/** Makes the lake's tables on Trino by the statements of `feedtrial athena ddl --dialect trino`. */
export async function describeLakeToTrino(trino: TrinoServer, config: Config, until: string): Promise<void> {
  const { lake, private: roster } = await describeTables({
    lake: openLake(config.lake),
    privateLake: openLake(config.privateLake),
    until,
  });
  for (const [name, tables] of [
    ['feedtrial_lake', lake],
    ['feedtrial_private', roster],
  ] as const) {
    await trino.query(`create schema if not exists ${name}`);
    for (const table of tables) await trino.query(trinoDdl(name, table));
  }
}

export interface BuildOptions {
  config: Config;
  target: Target;
  /** What the run is told: `vars` of dbt_project.yml. */
  parameters: Record<string, string | number>;
  env?: Record<string, string>;
  args?: string[];
}

/** `dbt run` or another command of the project, with a target folder of its own for each engine; returns that folder. */
export async function runDbt(command: string, options: BuildOptions): Promise<string> {
  const { config, target, parameters, env = {}, args = [] } = options;
  const home = path.join(path.dirname(config.warehouse), target);
  mkdirSync(home, { recursive: true });
  const told = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [`FEEDTRIAL_RUN_${name.toUpperCase()}`, String(value)]),
  );
  const outcome = await execa(
    path.join(config.projectRoot, '.venv/bin/dbt'),
    [command, '--target', target, ...args],
    {
      cwd: config.projectRoot,
      reject: false,
      all: true,
      env: {
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
        FEEDTRIAL_WAREHOUSE: config.warehouse,
        FEEDTRIAL_MEMORY_LIMIT: config.memoryLimit,
        FEEDTRIAL_TRINO_SCHEMA: schema,
        DBT_PROJECT_DIR: config.projectRoot,
        DBT_PROFILES_DIR: config.projectRoot,
        DBT_TARGET_PATH: path.join(home, 'target'),
        DBT_LOG_PATH: path.join(home, 'logs'),
        DBT_USE_COLORS: 'false',
        DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
        DO_NOT_TRACK: '1',
        TZ: 'UTC',
        ...told,
        ...env,
      },
    },
  );
  if (outcome.exitCode !== 0) throw new Error(`dbt ${command} on ${target}:\n${outcome.all.slice(-20_000)}`);
  return path.join(home, 'target');
}

export interface Comparison {
  model: string;
  duckdb: number;
  trino: number;
  /** Rows of one engine that the other hasn't; at most a few are shown. */
  different: unknown[];
}

/** Nothing is decided by these: the books of incremental models, and the place of a row in its file, which Trino doesn't know. */
const differsByDesign = new Set(['batch', 'file_row']);

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The files of a relation on Trino; a view is made a table first. */
async function filesOf(trino: TrinoServer, model: string, isView: boolean): Promise<string[]> {
  const name = isView ? `${model}__compared` : model;
  if (isView) {
    await trino.query(`drop table if exists ${schema}.${name}`);
    await trino.query(`create table ${schema}.${name} as select * from ${schema}.${model}`);
  }
  const { rows } = await trino.query(`select distinct "$path" from ${schema}.${name}`);
  return rows.map(([file]) => String(file));
}

/**
 * Compares a relation of an attached warehouse with Trino's, row by row: rows are matched in the order of every column that is
 * no float, floats to 1e-9 of their size.
 */
export async function compare(
  engine: Engine,
  trino: TrinoServer,
  model: string,
  isView: boolean,
): Promise<Comparison> {
  const columns = await engine.rows<{ column_name: string; column_type: string }>(
    `DESCRIBE ${quoted(model)}`,
  );
  const [counted] = (await trino.query(`select count(*) from ${schema}.${model}`)).rows;
  const [mine] = await engine.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${quoted(model)}`);
  const found: Comparison = {
    model,
    duckdb: Number(mine?.n),
    trino: Number(counted?.[0]),
    different: [],
  };
  const files = await filesOf(trino, model, isView);
  if (files.length === 0 || found.duckdb !== found.trino) return found;
  const isFloat = ({ column_type: type }: { column_type: string }): boolean => /^(DOUBLE|FLOAT)$/.test(type);
  const names = columns.filter(({ column_name: name }) => !differsByDesign.has(name));
  const exact = names.filter((column) => !isFloat(column)).map(({ column_name: name }) => quoted(name));
  const floats = names.filter(isFloat).map(({ column_name: name }) => quoted(name));
  const order = [...exact, ...floats.map((name) => `round(${name}, 6)`)].join(', ');
  const list = names.map(({ column_name: name }) => quoted(name)).join(', ');
  const numbered = (from: string): string =>
    `(SELECT row_number() OVER (ORDER BY ${order}) AS row_number__, ${list} FROM ${from})`;
  const differs = [
    ...exact.map((name) => `mine.${name} IS DISTINCT FROM theirs.${name}`),
    ...floats.map(
      (name) =>
        `(mine.${name} IS NULL) <> (theirs.${name} IS NULL) OR abs(mine.${name} - theirs.${name}) > 1e-9 * greatest(1, abs(mine.${name}))`,
    ),
  ].join(' OR ');
  const paths = files.map(sqlText).join(', ');
  found.different = await engine.rows(
    `SELECT mine, theirs FROM ${numbered(quoted(model))} AS mine
     JOIN ${numbered(`read_parquet([${paths}], hive_partitioning = false)`)} AS theirs USING (row_number__)
     WHERE ${differs} ORDER BY row_number__ LIMIT 3`,
  );
  return found;
}
