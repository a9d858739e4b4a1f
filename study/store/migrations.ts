import { sql, type Kysely } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

// A migration that was released is never edited: a store remembers the names of those that it has run.
const migrations: Record<string, Migration> = {
  '0001_participants': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('studies')
        .addColumn('study', 'text', (c) => c.primaryKey())
        .addColumn('seed', 'text', (c) => c.notNull())
        .addColumn('feed_context_key', 'text', (c) => c.notNull())
        .addColumn('created_us', 'bigint', (c) => c.notNull())
        .addColumn('revision', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
      await db.schema
        .createTable('participants')
        .addColumn('participant_id', 'text', (c) => c.primaryKey())
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('did', 'text', (c) => c.notNull())
        .addColumn('handle', 'text')
        .addColumn('stratum', 'text', (c) => c.notNull())
        .addColumn('arm', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) =>
          c.notNull().check(sql`status in ('pending', 'active', 'withdrawn')`),
        )
        .addColumn('enrolled_us', 'bigint', (c) => c.notNull())
        .addColumn('withdrawn_us', 'bigint')
        .addColumn('revision', 'bigint', (c) => c.notNull())
        .addUniqueConstraint('participants_study_did', ['study', 'did'])
        .execute();
      await db.schema
        .createIndex('participants_study_revision')
        .on('participants')
        .columns(['study', 'revision'])
        .execute();
      await db.schema
        .createTable('blocks')
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('stratum', 'text', (c) => c.notNull())
        .addColumn('block', 'integer', (c) => c.notNull())
        .addColumn('arms_digest', 'text', (c) => c.notNull())
        .addColumn('sequence', 'text', (c) => c.notNull())
        .addColumn('used', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('blocks_pk', ['study', 'stratum', 'block'])
        .execute();
      await db.schema
        .createTable('assignments')
        .addColumn('assignment_id', 'integer', (c) => c.primaryKey().autoIncrement())
        .addColumn('participant_id', 'text', (c) => c.notNull().references('participants.participant_id'))
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('stratum', 'text', (c) => c.notNull())
        .addColumn('arm', 'text', (c) => c.notNull())
        .addColumn('block', 'integer', (c) => c.notNull())
        .addColumn('place', 'integer', (c) => c.notNull())
        .addColumn('assigned_us', 'bigint', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addUniqueConstraint('assignments_place', ['study', 'stratum', 'block', 'place'])
        .execute();
    },
  },
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => migrations };
