import Database from 'better-sqlite3';
import { exactNames, mentions, scrub, type Subject } from './subject.ts';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function tablesOf(database: Database.Database): { table: string; columns: string[] }[] {
  const names = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all() as string[];
  return names.map((table) => ({
    table,
    columns: (database.pragma(`table_info(${quoted(table)})`) as { name: string }[]).map(({ name }) => name),
  }));
}

function* rowsThatName(
  database: Database.Database,
  subject: Subject,
): Generator<{ table: string; columns: string[]; row: Record<string, unknown> }> {
  for (const { table, columns } of tablesOf(database)) {
    const rows = database.prepare(`SELECT * FROM ${quoted(table)}`).all() as Record<string, unknown>[];
    for (const row of rows)
      if (columns.some((name) => typeof row[name] === 'string' && mentions(subject, row[name])))
        yield { table, columns, row };
  }
}

/** How many rows of a copy of a study store name them. */
export function findInDatabase(file: string, subject: Subject): number {
  const database = new Database(file);
  try {
    return [...rowsThatName(database, subject)].length;
  } finally {
    database.close();
  }
}

/** Takes them out of a copy of a study store: their rows go, with what the pages that held them still hold. */
export function eraseFromDatabase(file: string, subject: Subject): void {
  const database = new Database(file);
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma('foreign_keys = OFF');
    database.pragma('secure_delete = ON');
    const names = new Set(exactNames(subject));
    database.transaction(() => {
      for (const { table, columns, row } of rowsThatName(database, subject)) {
        const match = columns.map((name) => `${quoted(name)} IS ?`).join(' AND ');
        const values = columns.map((name) => row[name]);
        if (values.some((value) => typeof value === 'string' && names.has(value)))
          database.prepare(`DELETE FROM ${quoted(table)} WHERE ${match}`).run(...values);
        else {
          const clean = values.map((value) => (typeof value === 'string' ? scrub(subject, value) : value));
          const set = columns.map((name) => `${quoted(name)} = ?`).join(', ');
          database.prepare(`UPDATE ${quoted(table)} SET ${set} WHERE ${match}`).run(...clean, ...values);
        }
      }
    })();
    database.exec('VACUUM');
  } finally {
    database.close();
  }
}
