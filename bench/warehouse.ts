import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureTables, openEngine, openLake, sqlText, type Lake } from '../lake/index.ts';
import { generateScale } from '../lake/generate/index.ts';
import { loadConfig } from '../ops/config/index.ts';
import { projectRoot } from '../ops/config/config.ts';
import { transform, type TransformWhat } from '../ops/cycle/transform.ts';
import { openDbt, type DbtNodeResult, type DbtRunOptions } from '../ops/dbt/index.ts';
import { memoryOf } from './memory-of.ts';
import { printTable } from './table.ts';

export const claim =
  'a full build with tests of 1 million posts, 5 million likes, 1 million follows and 6 million labels in 90 CPU-s and 2 GB; an hour on top of what is there in 15 CPU-s and 2.5 GB';

/** CPU seconds and peak memory of the one Python process below this one: the dbt worker with DuckDB in it. */
function worker(): { cpuSeconds: number; peakMb: number } {
  const pid = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/stat`)) return false;
    const [comm = '', rest = ''] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ');
    return comm.includes('(python') && Number(rest.split(' ')[1]) === process.pid;
  });
  if (pid === undefined) throw new Error('the dbt worker is not running');
  const fields = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '').split(' ');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    peakMb: memoryOf(pid).peakMb,
  };
}

/** The bound of a build from nothing: the same Parquet read into tables of a DuckDB file, as it is and with the settings of profiles.yml. */
async function loadPlainly(
  folder: string,
  lake: Lake,
  memoryLimit: string,
): Promise<Record<string, string | number>> {
  const file = path.join(folder, 'plain.duckdb');
  const engine = await openEngine({ memoryLimit, threads: 2 });
  const before = process.cpuUsage();
  const startedMs = Date.now();
  try {
    await engine.run(`ATTACH ${sqlText(file)} AS plain`);
    await engine.run(`SET disabled_compression_methods = 'dictionary,dict_fsst'`);
    for (const [name, files] of [
      ['records', 'raw/records/*/*/*/*.parquet'],
      ['labels', 'labels/values/*/*/*.parquet'],
    ] as const)
      await engine.run(
        `CREATE TABLE plain.${name} AS SELECT * FROM read_parquet(${sqlText(lake.uri(files))}, hive_partitioning = true)`,
      );
  } finally {
    await engine.close();
    rmSync(file, { force: true });
  }
  const { user, system } = process.cpuUsage(before);
  return {
    what: 'bound: the same files read into tables, as they are',
    nodes: 0,
    'wall s': (Date.now() - startedMs) / 1000,
    'CPU s': (user + system) / 1e6,
    'peak RSS MB': Math.round(memoryOf(process.pid).peakMb),
  };
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      posts: { type: 'string', default: '1000000' },
      days: { type: 'string', default: '3' },
      likes: { type: 'string', default: '5' },
      memory: { type: 'string', default: '1500MB' },
      hours: { type: 'string', default: '2' },
      keep: { type: 'string' },
      profile: { type: 'boolean', default: false },
      'labelled-days': { type: 'string' },
      // with --keep a run can be cut in pieces: the lake, the build, the hours on top of it, one in which much of long ago is taken back, one
      // as a cycle builds it
      steps: { type: 'string', default: 'make,build,hours,back,cycle' },
    },
  });
  const steps = values.steps.split(',');
  const folder = values.keep ?? mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  const config = loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
      FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
      FEEDTRIAL_STUDY_DB: path.join(folder, 'study.sqlite'),
      FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse', 'bench.duckdb'),
      FEEDTRIAL_LABEL_PROFILE: 'demo',
      FEEDTRIAL_MEMORY_LIMIT: values.memory,
      FEEDTRIAL_LOG_LEVEL: 'error',
    },
    projectRoot,
  );
  const lake = openLake(config.lake);
  const engine = await openEngine({ memoryLimit: '3GB' });
  const measured: Record<string, string | number>[] = [];
  try {
    await ensureTables(lake, openLake(config.privateLake), engine);
    const [, ...lines] = readFileSync(path.join(projectRoot, 'seeds/labelers.csv'), 'utf8')
      .trim()
      .split('\n');
    const labelVersions = Object.fromEntries(
      lines.map((line) => line.split(',').slice(0, 2) as [string, string]),
    );
    const began = process.cpuUsage();
    const beganMs = Date.now();
    const world = await generateScale({
      lake,
      engine,
      posts: Number(values.posts),
      days: Number(values.days),
      likesPerPost: Number(values.likes),
      ...(values['labelled-days'] === undefined ? {} : { labelledDays: Number(values['labelled-days']) }),
      reuse: !steps.includes('make'),
      labelVersions,
    });
    const made = process.cpuUsage(began);
    console.log(
      `made ${JSON.stringify(world.rows)} in ${((Date.now() - beganMs) / 1000).toFixed(1)} s, ${((made.user + made.system) / 1e6).toFixed(1)} CPU-s`,
    );
    let asOfUs = world.endUs;
    if (steps.includes('build')) {
      measured.push(await loadPlainly(folder, lake, values.memory));
      printTable(measured.slice(-1));
    }
    const build = async (
      said: string,
      options: { history: boolean; what?: TransformWhat },
    ): Promise<void> => {
      const dbt = await openDbt(config);
      try {
        // the worker is resident: what it takes to load, and to parse a project that nobody edited, is paid once
        await dbt.run({
          command: 'seed',
          select: ['arms'],
          exclude: ['test_type:unit'],
          parameters: { as_of_us: asOfUs },
        });
        const before = worker();
        const startedMs = Date.now();
        let built: DbtNodeResult[] = [];
        const observed = {
          ...dbt,
          run: async (asked: DbtRunOptions) => {
            const result = await dbt.run(asked);
            built = result.nodes;
            return result;
          },
        };
        const { nodes } = await transform({ config, dbt: observed, asOfUs, ...options });
        const after = worker();
        measured.push({
          what: said,
          nodes,
          'wall s': (Date.now() - startedMs) / 1000,
          'CPU s': after.cpuSeconds - before.cpuSeconds,
          'peak RSS MB': Math.round(after.peakMb),
        });
        printTable(measured.slice(-1));
        if (values.profile) {
          for (const one of built.toSorted((a, b) => b.seconds - a.seconds).slice(0, 25))
            console.log(`  ${one.seconds.toFixed(2)} s  ${one.name}`);
        }
      } finally {
        await dbt.close();
      }
    };
    if (steps.includes('build')) await build('everything, from nothing', { history: true });
    for (let hour = 1; steps.includes('hours') && hour <= Number(values.hours); hour++) {
      const rows = await world.more(1);
      asOfUs += 3_600e6;
      await build(
        `hour ${hour} on top: ${Object.entries(rows)
          .map(([name, n]) => `${n} ${name}`)
          .join(', ')}`,
        { history: false },
      );
    }
    if (steps.includes('back')) {
      const { posts = 0, likes = 0 } = await world.more(1);
      const back = await world.takeBack(Math.round(posts / 20), Math.round(likes / 20));
      asOfUs += 3_600e6;
      await build(`an hour that takes back ${back.posts} posts and ${back.likes} likes of all days`, {
        history: false,
      });
    }
    if (steps.includes('cycle')) {
      // what a cycle builds of one more hour, but for the labels that come in between
      await world.more(1);
      asOfUs += 3_600e6;
      await build('an hour in a cycle: the queue', { history: false, what: 'queue' });
      await build('the queue again', { history: false, what: 'labels of the queue' });
      await build('everything', { history: false });
    }
  } finally {
    await engine.close();
    if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
  console.log('');
  printTable(measured);
}
