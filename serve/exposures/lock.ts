import Database from 'better-sqlite3';

export interface Lock {
  release(): void;
}

/**
 * Takes a lock that ends with this process, however it ends: an exclusive transaction on an empty SQLite file, which the
 * operating system gives up for a process that was killed. Null where another holds it.
 */
export function takeLock(file: string): Lock | null {
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY'))
      return null;
    throw error;
  }
  return {
    release() {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}
