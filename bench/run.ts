import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from './machine.ts';

// One file a claim: bench/<name>.ts exports `claim`, one sentence, and `run(args)`, which prints a table. Nothing is
// registered anywhere: a new file is a new benchmark.

interface Benchmark {
  claim: string;
  run: (args: string[]) => Promise<void>;
}

const notBenchmarks = new Set(['run.ts', 'machine.ts', 'table.ts', 'processes.ts']);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !notBenchmarks.has(file))
  .map((file) => path.basename(file, '.ts'));

const load = async (name: string): Promise<Benchmark> =>
  (await import(path.join(import.meta.dirname, `${name}.ts`))) as Benchmark;

const [name, ...args] = process.argv.slice(2);
if (name === undefined || !existsSync(path.join(import.meta.dirname, `${name}.ts`))) {
  console.log('npm run bench -- NAME [--option value …]\n');
  for (const each of names) console.log(`  ${each.padEnd(12)} ${(await load(each)).claim}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const { claim, run } = await load(name);
  console.log(`${name}: ${claim}\n${describeMachine()}\n`);
  await run(args);
}
