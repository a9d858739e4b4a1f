import { sqlText, type Engine } from '../../lake/index.ts';

/** What the compiled SQL of models says about itself, for whoever runs it elsewhere than dbt does. */

/** Database and schema of the warehouse that SQL was compiled for. */
export function warehouseOf(sql: string): { database: string; schema: string } {
  const [, database = 'feedtrial', schema = 'main'] =
    /"([^"]+)"\."([^"]+)"\."(?:int|stg|fct)_/.exec(sql) ?? [];
  return { database, schema };
}

/**
 * Makes an empty stand-in for that warehouse, a file that goes with the engine.
 * @returns name of a model -> its relation, as compiled SQL names it
 */
export async function attachWarehouse(engine: Engine, sql: string): Promise<(name: string) => string> {
  const { database, schema } = warehouseOf(sql);
  await engine.run(`ATTACH ${sqlText(`${engine.scratch}/warehouse.duckdb`)} AS "${database}"`);
  await engine.run(`CREATE SCHEMA IF NOT EXISTS "${database}"."${schema}"`);
  return (name) => `"${database}"."${schema}"."${name}"`;
}

/** By what the macro `in_this_batch` compiles to. */
const isInBatches = (sql: string): boolean => sql.includes("getvariable('participant_batch')");

/** Builds a model from its compiled SQL as dbt does: where it goes by batches of participants, by one statement a batch. */
export async function buildCompiled(
  engine: Engine,
  relation: (name: string) => string,
  model: string,
  sql: string,
): Promise<void> {
  if (!isInBatches(sql)) return engine.run(`CREATE TABLE ${relation(model)} AS ${sql}`);
  const [{ last = 0 } = {}] = await engine.rows<{ last: number }>(
    `SELECT coalesce(max(batch), 0)::INTEGER AS last FROM ${relation('int_participants__policies')}`,
  );
  for (let batch = 0; batch <= last; batch++) {
    await engine.run(`SET VARIABLE participant_batch = ${batch}`);
    await engine.run(
      batch === 0
        ? `CREATE TABLE ${relation(model)} AS ${sql}`
        : `INSERT INTO ${relation(model)} BY NAME (${sql}\n)`,
    );
  }
  await engine.run('RESET VARIABLE participant_batch');
}

/**
 * Models that a model follows from, itself at the end, each after those that it reads.
 * @param sqlOf model -> compiled SQL
 * @param given models whose rows are there already
 */
export function inOrder(
  sqlOf: ReadonlyMap<string, string>,
  target: string,
  given: ReadonlySet<string>,
): string[] {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (model: string): void => {
    if (seen.has(model) || given.has(model)) return;
    seen.add(model);
    const sql = sqlOf.get(model);
    if (sql === undefined) return;
    for (const other of sqlOf.keys())
      if (other !== model && new RegExp(`"${other}"(?![\\w"])`).test(sql)) visit(other);
    order.push(model);
  };
  visit(target);
  return order;
}
