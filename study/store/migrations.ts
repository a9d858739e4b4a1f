import { PostgresAdapter, sql, type ColumnDefinitionBuilder, type Kysely } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

/** A key that the store counts up by itself. */
function countedUp(db: Kysely<unknown>): {
  type: 'bigint' | 'integer';
  build: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
} {
  return db.getExecutor().adapter instanceof PostgresAdapter
    ? { type: 'bigint', build: (column) => column.generatedAlwaysAsIdentity().primaryKey() }
    : { type: 'integer', build: (column) => column.primaryKey().autoIncrement() };
}

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
        .addColumn('assignment_id', countedUp(db).type, countedUp(db).build)
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
  '0002_people': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('participants').addColumn('first_request_us', 'bigint').execute();
      await db.schema.alterTable('participants').addColumn('panel_id', 'text').execute();
      await db.schema
        .createIndex('participants_study_panel')
        .on('participants')
        .columns(['study', 'panel_id'])
        .unique()
        .execute();
      await db.schema
        .createTable('consents')
        .addColumn('consent_id', countedUp(db).type, countedUp(db).build)
        .addColumn('participant_id', 'text', (c) => c.notNull().references('participants.participant_id'))
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('version', 'text', (c) => c.notNull())
        .addColumn('given_us', 'bigint', (c) => c.notNull())
        .addColumn('recorded_us', 'bigint', (c) => c.notNull())
        .addUniqueConstraint('consents_once', ['participant_id', 'version', 'given_us'])
        .execute();
      await db.schema
        .createTable('survey_answers')
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('wave', 'text', (c) => c.notNull())
        .addColumn('panel_id', 'text', (c) => c.notNull())
        .addColumn('completed_us', 'bigint', (c) => c.notNull())
        .addColumn('answers', 'text', (c) => c.notNull())
        .addColumn('imported_us', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('survey_answers_pk', ['study', 'wave', 'panel_id'])
        .execute();
      await db.schema
        .createTable('api_keys')
        .addColumn('key_id', 'text', (c) => c.primaryKey())
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('secret_sha256', 'text', (c) => c.notNull())
        .addColumn('scopes', 'text', (c) => c.notNull())
        .addColumn('created_us', 'bigint', (c) => c.notNull())
        .addColumn('revoked_us', 'bigint')
        .execute();
      await db.schema
        .createTable('erasures')
        .addColumn('receipt_id', 'text', (c) => c.primaryKey())
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('subject_hash', 'text', (c) => c.notNull())
        .addColumn('subject', 'text')
        .addColumn('arm', 'text', (c) => c.notNull())
        .addColumn('stratum', 'text', (c) => c.notNull())
        .addColumn('steps', 'text', (c) => c.notNull())
        .addColumn('begun_us', 'bigint', (c) => c.notNull())
        .addColumn('done_us', 'bigint')
        .addColumn('receipt', 'text')
        .execute();
      await db.schema
        .createTable('feed_registrations')
        .addColumn('uri', 'text', (c) => c.primaryKey())
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('service_did', 'text', (c) => c.notNull())
        .addColumn('cid', 'text', (c) => c.notNull())
        .addColumn('registered_us', 'bigint', (c) => c.notNull())
        .addColumn('unregistered_us', 'bigint')
        .addColumn('record', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('job_leases')
        .addColumn('job', 'text', (c) => c.primaryKey())
        .addColumn('holder', 'text', (c) => c.notNull())
        .addColumn('taken_us', 'bigint', (c) => c.notNull())
        .addColumn('expires_us', 'bigint', (c) => c.notNull())
        .execute();
    },
  },
  '0003_frozen': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('frozen')
        .addColumn('study', 'text', (c) => c.notNull().references('studies.study'))
        .addColumn('number', 'integer', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull().check(sql`kind in ('freeze', 'amendment')`))
        .addColumn('frozen_us', 'bigint', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text', (c) => c.notNull())
        .addColumn('previous_sha256', 'text')
        .addColumn('promised', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('frozen_pk', ['study', 'number'])
        .execute();
    },
  },
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => migrations };

/** Names of all migrations, in their order. */
export const migrationNames = (): string[] => Object.keys(migrations);
