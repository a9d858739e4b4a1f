import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../ops/config/config.ts';
import { freePort } from './free-port.ts';
import { hasVersitygw, type S3Server } from './versitygw.ts';

const home = path.join(projectRoot, '.services/trino');

/** For `describe.skipIf(!hasTrino)`. Its tables are in S3, so it needs versitygw too. */
export const hasTrino = hasVersitygw && existsSync(path.join(home, 'installed'));

if (!hasTrino)
  console.warn(
    `SKIPPED: tests on a real Trino; 'npm run setup:services -- trino versitygw' installs it (590 MB)`,
  );

export type TrinoValue = string | number | boolean | null | TrinoValue[];

export interface TrinoRows {
  columns: { name: string; type: string }[];
  rows: TrinoValue[][];
}

export interface TrinoServer {
  url: string;
  port: number;
  /** What dbt needs to reach it by the targets `trino` of profiles.yml. */
  env: Record<string, string>;
  /** Runs one statement to its end. Whole numbers past 2^53 come as they are written, in text. */
  query(sql: string, schema?: string): Promise<TrinoRows>;
  /** Bytes that all queries so far have read from storage: what Athena counts. */
  bytesRead(): Promise<number>;
  stop(): Promise<void>;
}

interface Page {
  columns?: { name: string; type: string }[];
  data?: TrinoValue[][];
  nextUri?: string;
  error?: { message: string; errorName: string };
}

// JSON.parse would round BIGINTs, of which microseconds and folds have many digits
const parsePage = (text: string): Page =>
  JSON.parse(text.replaceAll(/([[,])(-?\d{16,})(?=[,\]])/g, '$1"$2"')) as Page;

async function query(url: string, sql: string, schema: string): Promise<TrinoRows> {
  const headers = {
    'X-Trino-User': 'feedtrial',
    'X-Trino-Catalog': 'lake',
    'X-Trino-Schema': schema,
    'X-Trino-Time-Zone': 'UTC',
  };
  let answer = await fetch(`${url}/v1/statement`, { method: 'POST', headers, body: sql });
  const found: TrinoRows = { columns: [], rows: [] };
  for (;;) {
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Trino answered ${answer.status}: ${text}`);
    const page = parsePage(text);
    if (page.error) throw new Error(`Trino: ${page.error.errorName}: ${page.error.message}\n${sql}`);
    if (page.columns) found.columns = page.columns;
    for (const row of page.data ?? []) found.rows.push(row);
    if (page.nextUri === undefined) return found;
    answer = await fetch(page.nextUri, { headers });
  }
}

async function bytesRead(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/query`, { headers: { 'X-Trino-User': 'feedtrial' } });
  const queries = (await answer.json()) as { queryStats: { physicalInputDataSize: string } }[];
  const bytes = queries.map(({ queryStats }) => Number(queryStats.physicalInputDataSize.replace(/B$/, '')));
  return bytes.reduce((sum, one) => sum + one, 0);
}

function configure(folder: string, port: number, s3: S3Server, bucket: string): void {
  const etc = path.join(folder, 'etc');
  mkdirSync(path.join(etc, 'catalog'), { recursive: true });
  const write = (name: string, lines: string[]): void => {
    writeFileSync(path.join(etc, name), `${lines.join('\n')}\n`, { mode: 0o600 });
  };
  write('config.properties', [
    'node.environment=test',
    'node.bind-ip=127.0.0.1',
    'node.internal-address=127.0.0.1',
    'coordinator=true',
    'node-scheduler.include-coordinator=true',
    `http-server.http.port=${port}`,
    `discovery.uri=http://127.0.0.1:${port}`,
    'query.max-memory=1GB',
    'query.max-memory-per-node=1GB',
    'memory.heap-headroom-per-node=512MB',
    'query.max-stage-count=400',
    'query.max-history=10000', // what bytesRead adds up
    'query.min-expire-age=6h',
    `plugin.dir=${path.join(home, 'server/plugin')}`,
    `catalog.config-dir=${path.join(etc, 'catalog')}`,
  ]);
  write('log.properties', ['io.trino=WARN', 'io.airlift=WARN']);
  // Glue's place is taken by a metastore of files, which stands in the bucket too
  write('catalog/lake.properties', [
    'connector.name=hive',
    'hive.metastore=file',
    `hive.metastore.catalog.dir=${bucket}/trino`,
    'hive.metastore.disable-location-checks=true',
    'hive.non-managed-table-writes-enabled=true',
    'hive.partition-projection-enabled=true',
    'hive.compression-codec=ZSTD',
    // a projected partition costs a listing, and the lake stands still here
    'hive.file-status-cache-tables=feedtrial_lake.*',
    'hive.file-status-cache-expire-time=30m',
    'hive.storage-format=PARQUET',
    'fs.native-s3.enabled=true',
    `s3.endpoint=${s3.endpoint}`,
    's3.path-style-access=true',
    `s3.region=${s3.env.AWS_REGION}`,
    `s3.aws-access-key=${s3.env.AWS_ACCESS_KEY_ID}`,
    `s3.aws-secret-key=${s3.env.AWS_SECRET_ACCESS_KEY}`,
  ]);
}

/**
 * A real Trino on loopback with the catalog `lake`, whose tables are in `bucket` of a real S3 server: one JVM of 2 GB of heap. It takes
 * half a minute to start.
 */
export async function startTrino(s3: S3Server, bucket: string): Promise<TrinoServer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-trino-'));
  const port = await freePort();
  configure(folder, port, s3, bucket);
  const log = { text: '' };
  const child = spawn(
    path.join(home, 'java/bin/java'),
    [
      '-Xmx2G',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Djdk.attach.allowAttachSelf=true',
      '-Dfile.encoding=UTF-8',
      '-XX:+ExitOnOutOfMemoryError',
      `-Djava.io.tmpdir=${folder}`,
      `-Dconfig=${path.join(folder, 'etc/config.properties')}`,
      `-Dlog.levels-file=${path.join(folder, 'etc/log.properties')}`,
      '-cp',
      path.join(home, 'server/lib/*'),
      'io.trino.server.TrinoServer',
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, TZ: 'UTC', LANG: 'C.UTF-8' },
    },
  );
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (log.text = (log.text + data.toString()).slice(-20_000)));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; ; waited += 250) {
    const isUp = await fetch(`${url}/v1/info`).then(
      async (answer) => answer.ok && !((await answer.json()) as { starting: boolean }).starting,
      () => false,
    );
    if (isUp) break;
    if (child.exitCode !== null || waited > 170_000) {
      await stop();
      throw new Error(`Trino did not start: ${log.text}`);
    }
    await sleep(250);
  }
  return {
    url,
    port,
    env: {
      FEEDTRIAL_TRINO_HOST: '127.0.0.1',
      FEEDTRIAL_TRINO_PORT: String(port),
      PYTHONPATH: path.join(home, 'python'),
    },
    query: (sql, schema = 'feedtrial') => query(url, sql, schema),
    bytesRead: () => bytesRead(url),
    stop,
  };
}
