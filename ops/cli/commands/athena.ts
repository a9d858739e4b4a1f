import { readFile, writeFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { Config } from '../../config/index.ts';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const gigabytes = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number of gigabytes over 0');
  return value;
};

async function described(config: Config) {
  const { isS3, openLake } = await import('../../../lake/index.ts');
  const { athenaErrors, describeTables } = await import('../../athena/index.ts');
  for (const root of [config.lake, config.privateLake]) if (!isS3(root)) throw athenaErrors.notInS3(root);
  return describeTables({ lake: openLake(config.lake), privateLake: openLake(config.privateLake) });
}

export const register: Register = (program, run) => {
  const athena = program
    .command('athena')
    .description('the lake in S3 as tables of Athena and Trino, and queries on them');
  const database = (): Option =>
    new Option('--database <name>', 'Glue database of the lake').default('feedtrial_lake');

  athena
    .command('ddl')
    .description(
      'print the statements that make the tables; partitions are projected, so that no crawler is needed',
    )
    .addOption(database())
    .addOption(
      new Option('--dialect <dialect>', 'whose words').choices(['athena', 'trino']).default('athena'),
    )
    .option('--private', 'also the roster, which stands in a database of its own: feedtrial_private')
    .action((options: { database: string; dialect: 'athena' | 'trino'; private?: true }) =>
      run(async ({ config, say, result }) => {
        const { athenaDdl, trinoDdl } = await import('../../athena/index.ts');
        const ddl = options.dialect === 'trino' ? trinoDdl : athenaDdl;
        const tables = await described(config);
        const statements = [
          ...tables.lake.map((table) => ddl(options.database, table)),
          ...(options.private ? tables.private.map((table) => ddl('feedtrial_private', table)) : []),
        ];
        for (const statement of statements) say(`${statement};\n`);
        result(statements);
        return EXIT.done;
      }),
    );

  athena
    .command('sync')
    .description(
      'make or update the Glue database and its tables, as they are described now; harmless to repeat',
    )
    .addOption(database())
    .option('--private', 'also the roster, in the database feedtrial_private')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action((options: { database: string; private?: true; dryRun?: true }) =>
      run(async ({ config, say, result }) => {
        const { syncTables } = await import('../../athena/index.ts');
        const { Glue } = await import('@aws-sdk/client-glue');
        const tables = await described(config);
        const glue = new Glue();
        const dryRun = options.dryRun ?? false;
        try {
          const synced = await syncTables({ glue, database: options.database, tables: tables.lake, dryRun });
          if (options.private)
            synced.push(
              ...(await syncTables({ glue, database: 'feedtrial_private', tables: tables.private, dryRun })),
            );
          for (const one of synced) say(`${one.database}.${one.table}: ${one.action}`);
          result(synced);
          return EXIT.done;
        } finally {
          glue.destroy();
        }
      }),
    );

  athena
    .command('query')
    .description('run the statement of a file in Athena: progress, bytes scanned, cost, and the result')
    .argument('<file>', 'a file with one SQL statement')
    .addOption(database())
    .addOption(
      new Option('--format <format>', 'of the result').choices(['table', 'csv', 'parquet']).default('table'),
    )
    .option('--out <file>', 'write the result there; parquet needs it')
    .option(
      '--output-location <url>',
      "where Athena keeps results; FEEDTRIAL_ATHENA_OUTPUT by default, else the workgroup's",
    )
    .option('--workgroup <name>', 'workgroup of the query')
    .option('--max-gigabytes <n>', 'stop a query that has scanned more', gigabytes, 100)
    .action(
      (
        file: string,
        options: {
          database: string;
          format: 'table' | 'csv' | 'parquet';
          out?: string;
          outputLocation?: string;
          workgroup?: string;
          maxGigabytes: number;
        },
      ) =>
        run(async ({ config, json, signal, say, result }) => {
          const { athenaErrors, runQuery, toCsv, toTable, writeParquet } =
            await import('../../athena/index.ts');
          const sql = await readFile(file, 'utf8').catch((error: unknown) => {
            throw athenaErrors.query(file, error instanceof Error ? error.message : String(error));
          });
          if (sql.trim() === '') throw athenaErrors.query(file, 'it is empty');
          if (options.format === 'parquet' && options.out === undefined)
            throw athenaErrors.query(file, '--format parquet needs --out');
          const outputLocation = options.outputLocation ?? config.athenaOutput ?? null;
          if (outputLocation === null && options.workgroup === undefined) throw athenaErrors.noOutput();
          const { Athena } = await import('@aws-sdk/client-athena');
          const athena = new Athena();
          try {
            const found = await runQuery({
              athena,
              sql: sql.trim().replace(/;$/, ''),
              database: options.database,
              outputLocation,
              maxBytes: options.maxGigabytes * 1e9,
              signal,
              ...(options.workgroup === undefined ? {} : { workgroup: options.workgroup }),
            });
            if (options.format === 'parquet' && options.out !== undefined) {
              const { openEngine } = await import('../../../lake/index.ts');
              const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
              await writeParquet(engine, found, options.out).finally(() => engine.close());
            } else {
              const text = options.format === 'csv' ? toCsv(found) : `${toTable(found).join('\n')}\n`;
              if (options.out === undefined) {
                if (!json) process.stdout.write(text);
              } else await writeFile(options.out, text);
            }
            process.stderr.write(
              `${found.rows.length} rows in ${found.seconds.toFixed(1)} s; ${(found.bytesScanned / 1e6).toFixed(1)} MB scanned, ${found.costUsd.toFixed(5)} USD\n`,
            );
            if (options.out !== undefined) say(`written to ${options.out}`);
            result(found);
            return EXIT.done;
          } finally {
            athena.destroy();
          }
        }),
    );
};
