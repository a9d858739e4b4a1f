/** What the compiled SQL of models says about itself, for whoever runs it elsewhere than dbt does. */

/** Database and schema of the warehouse that SQL was compiled for. */
export function warehouseOf(sql: string): { database: string; schema: string } {
  const [, database = 'feedtrial', schema = 'main'] =
    /"([^"]+)"\."([^"]+)"\."(?:int|stg|fct)_/.exec(sql) ?? [];
  return { database, schema };
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
