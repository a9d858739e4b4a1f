import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { dbtFolders, openDbt, DbtFailed, type Dbt, type OpenDbtOptions } from '../../../ops/dbt/index.ts';
import { FeedtrialError } from '../../../ops/errors/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

silenceProgress();

const project = `
name: miniature
profile: miniature
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
`;
const profile = `
miniature:
  target: local
  outputs:
    local:
      type: duckdb
      path: "{{ env_var('FEEDTRIAL_WAREHOUSE') }}"
      threads: 2
`;

/** A dbt project of a few models in a folder of its own, run with the checkout's `.venv`. */
function projectOf(models: Record<string, string>): Config {
  const root = temporaryFolder();
  mkdirSync(path.join(root, 'models'));
  writeFileSync(path.join(root, 'dbt_project.yml'), project);
  writeFileSync(path.join(root, 'profiles.yml'), profile);
  for (const [name, text] of Object.entries(models)) writeFileSync(path.join(root, 'models', name), text);
  symlinkSync(path.join(projectRoot, '.venv'), path.join(root, '.venv'));
  const config = { ...configIn(root), projectRoot: root };
  mkdirSync(path.dirname(config.warehouse), { recursive: true });
  return config;
}

async function open(config: Config, options?: OpenDbtOptions): Promise<Dbt> {
  const dbt = await openDbt(config, options);
  onTestFinished(() => dbt.close());
  return dbt;
}

/** A table that takes minutes to build. */
const slow = `{{ config(materialized='table') }}
select count(*) as n from range(100000000) a, range(1000) b where a.range % 7 = b.range % 5`;

async function failureOf(work: Promise<unknown>): Promise<FeedtrialError> {
  const error: unknown = await work.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(FeedtrialError);
  return error as FeedtrialError;
}

/** Another process that opens the warehouse for writing and holds it until it is killed. */
async function holdWarehouse(config: Config): Promise<{ pid: number; release: () => Promise<void> }> {
  const child = execa(
    dbtFolders(config).python,
    [
      '-c',
      'import duckdb,sys,time\nc=duckdb.connect(sys.argv[1])\nprint("held",flush=True)\ntime.sleep(600)',
      config.warehouse,
    ],
    { reject: false, buffer: false },
  );
  const release = async (): Promise<void> => {
    child.kill('SIGKILL');
    await child;
  };
  onTestFinished(release);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return { pid: child.pid as number, release };
}

describe('a resident dbt', () => {
  test('runs again and again with new vars, and lets go of the warehouse in between', async () => {
    const config = projectOf({ 'one.sql': 'select \'{{ var("word") }}\' as word' });
    const dbt = await open(config);
    for (const word of ['first', 'second']) {
      const result = await dbt.run({ command: 'build', vars: { word } });
      expect(result.nodes.map((n) => [n.name, n.status])).toEqual([['one', 'success']]);
      const other = await execa(dbtFolders(config).python, [
        '-c',
        'import duckdb,sys\nprint(duckdb.connect(sys.argv[1]).sql("select word from one").fetchone()[0])',
        config.warehouse,
      ]);
      expect(other.stdout).toBe(word);
    }
  });

  test('tells each run its parameters without parsing anew, and notices an edited model', async () => {
    const model = (column: string) =>
      `select '{{ env_var("FEEDTRIAL_RUN_WORD", "none") if execute else "" }}' as ${column}`;
    const config = projectOf({ 'one.sql': model('word') });
    const dbt = await open(config);
    const parsed = () => statSync(path.join(dbtFolders(config).target, 'partial_parse.msgpack')).mtimeMs;
    const read = async (column: string): Promise<string> => {
      const code = `import duckdb,sys\nprint(duckdb.connect(sys.argv[1]).sql("select ${column} from one").fetchone()[0])`;
      return (await execa(dbtFolders(config).python, ['-c', code, config.warehouse])).stdout;
    };
    await dbt.run({ command: 'build', parameters: { word: 'first' } });
    expect(await read('word')).toBe('first');
    const before = parsed();
    await dbt.run({ command: 'build', parameters: { word: 'second' } });
    expect(await read('word')).toBe('second');
    expect(parsed()).toBe(before);
    await dbt.run({ command: 'build' }); // what one run was told is not what the next one is
    expect(await read('word')).toBe('none');
    writeFileSync(path.join(config.projectRoot, 'models', 'one.sql'), model('another_name'));
    await dbt.run({ command: 'build', parameters: { word: 'third' } });
    expect(await read('another_name')).toBe('third');
  });

  test('names each model that failed, its first error line, and where the log is', async () => {
    const config = projectOf({
      'good.sql': 'select 1 as n',
      'bad.sql': 'select no_such_column from {{ ref("good") }}',
      'after.sql': 'select * from {{ ref("bad") }}',
    });
    const dbt = await open(config);
    const error = await failureOf(dbt.run({ command: 'build' }));
    expect(error.code).toBe('FT_DBT_FAILED');
    expect(error.message).toMatch(/1 of 3 failed, 1 skipped for that\n {2}model bad: .*no_such_column/);
    expect(error.fix).toContain(dbtFolders(config).logFile);
    expect(readFileSync(dbtFolders(config).logFile, 'utf8')).toContain('no_such_column');
    expect((error as DbtFailed).result.nodes.find((n) => n.name === 'good')?.status).toBe('success');
  });

  test('says what is wrong with a project that does not parse', async () => {
    const dbt = await open(projectOf({ 'broken.sql': 'select {{ ref("nowhere") }}' }));
    const error = await failureOf(dbt.run({ command: 'build' }));
    expect(error.code).toBe('FT_DBT_FAILED');
    expect(error.message).toContain('nowhere');
  });

  test('says who holds the warehouse, and goes on when it is let go', async () => {
    const config = projectOf({ 'one.sql': 'select 1 as n' });
    const holder = await holdWarehouse(config);
    const impatient = await open(config, { waitForWarehouseMs: 0 });
    const error = await failureOf(impatient.run({ command: 'build' }));
    expect(error.code).toBe('FT_DBT_BUSY');
    expect(error.message).toContain(`process ${holder.pid} (`);
    const patient = await open(config, { waitForWarehouseMs: 60_000 });
    const running = patient.run({ command: 'build' });
    await new Promise((r) => setTimeout(r, 3_000));
    await holder.release();
    expect((await running).nodes).toHaveLength(1);
  });

  test('stops at once when it is aborted, and can be used again', async () => {
    const config = projectOf({
      'slow.sql': slow,
      'fast.sql': 'select 1 as n',
    });
    const dbt = await open(config);
    await dbt.run({ command: 'build', select: ['fast'] });
    const stop = new AbortController();
    const running = failureOf(dbt.run({ command: 'build', select: ['slow'], signal: stop.signal }));
    setTimeout(() => stop.abort(), 1_500);
    const startedMs = Date.now();
    expect((await running).code).toBe('FT_DBT_ABORTED');
    expect(Date.now() - startedMs).toBeLessThan(10_000);
    expect((await dbt.run({ command: 'build', select: ['fast'] })).nodes).toHaveLength(1);
  });

  test('ends by itself when the process that started it is killed in the middle of a run', async () => {
    const config = projectOf({
      'slow.sql': slow,
    });
    const script = `
      import { startWorker } from ${JSON.stringify(path.join(projectRoot, 'ops/dbt/worker.ts'))};
      const worker = startWorker(JSON.parse(process.argv[1]));
      console.log(worker.pid);
      await worker.invoke(['build'], () => {});`;
    const parent = execa(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(config)], {
      reject: false,
      buffer: false,
    });
    const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
    const alive = (): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await expect
      .poll(() => readFileSync(dbtFolders(config).logFile, { encoding: 'utf8', flag: 'a+' }), {
        timeout: 60_000,
        interval: 200,
      })
      .toContain('START sql');
    expect(alive()).toBe(true);
    parent.kill('SIGKILL');
    await parent;
    await expect.poll(alive, { timeout: 60_000, interval: 100 }).toBe(false);
  });

  test('asks for setup where .venv is missing', async () => {
    const root = temporaryFolder();
    const error = await failureOf(openDbt({ ...configIn(root), projectRoot: root }));
    expect(error.code).toBe('FT_DBT_MISSING');
    expect(error.fix).toContain('npm run setup');
  });
});
