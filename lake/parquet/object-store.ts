import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { projectRoot, sitePackages } from '../../ops/config/index.ts';
import { lakeErrors } from '../errors.ts';
import { s3Connection } from '../store/s3/connection.ts';

/**
 * File of an extension that setup installed from PyPI: they are loaded by path, so that DuckDB never fetches one.
 * @throws FeedtrialError FT_LAKE_EXTENSION
 */
function extensionFile(name: string): string {
  const folders = sitePackages(projectRoot).map((folder) =>
    path.join(folder, `duckdb_extension_${name}`, 'extensions'),
  );
  for (const folder of folders)
    for (const version of existsSync(folder) ? readdirSync(folder) : []) {
      const file = path.join(folder, version, `${name}.duckdb_extension`);
      if (existsSync(file)) return file;
    }
  throw lakeErrors.extension(name, folders.length > 0 ? folders : [path.join(projectRoot, '.venv')]);
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/**
 * Lets DuckDB read `s3://…`: httpfs, and AWS's chain of credentials, which it asks again when a temporary one has run out.
 * `ops/dbt/plugins/feedtrial_s3.py` does the same for dbt.
 */
export async function attachS3(connection: DuckDBConnection): Promise<void> {
  const { endpoint, region, pathStyle } = s3Connection();
  for (const name of ['httpfs', 'aws']) await connection.run(`LOAD ${text(extensionFile(name))}`);
  const url = endpoint === undefined ? null : new URL(endpoint);
  const settings = [
    'TYPE s3',
    'PROVIDER credential_chain',
    'REFRESH auto',
    ...(region === undefined ? [] : [`REGION ${text(region)}`]),
    ...(url === null ? [] : [`ENDPOINT ${text(url.host)}`, `USE_SSL ${url.protocol === 'https:'}`]),
    ...(pathStyle ? [`URL_STYLE 'path'`] : []),
  ];
  await connection
    .run(`CREATE OR REPLACE SECRET feedtrial_lake (${settings.join(', ')})`)
    .catch((error: unknown) => {
      throw lakeErrors.s3Credentials("DuckDB's reading of s3://", error);
    });
  // a server that is busy is asked again, as the SDK does
  await connection.run('SET http_retries = 5; SET http_timeout = 120; SET http_keep_alive = true');
}
