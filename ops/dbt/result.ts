import path from 'node:path';
import { DbtFailed } from './errors.ts';

/** What became of one model, seed, snapshot, unit test or test. */
export interface DbtNodeResult {
  /** Such as 'model.feedtrial.fct_feeds'. */
  unique_id: string;
  name: string;
  /** 'model', 'seed', 'test', 'unit_test', … */
  resource_type: string;
  /** File of the node, from the project's root. */
  path: string;
  /** 'success', 'pass', 'warn', 'fail', 'error', 'skipped', 'no-op', … */
  status: string;
  message: string | null;
  /** Rows that a test found; null for what is no test. */
  failures: number | null;
  /** When the newest row of a source came in, microseconds UTC; null for other nodes, and for one without recent rows. */
  loaded_us?: number | null;
  seconds: number;
  /** Phase ('compile', 'execute') -> when it began and ended, seconds since 1970. */
  timing: Record<string, [number, number]>;
  /** Compiled SQL; null for what has none. */
  compiled_path: string | null;
}

export interface DbtResult {
  command: string;
  nodes: DbtNodeResult[];
  seconds: number;
}

/** dbt's answer to one job, as the worker passes it on. */
export interface DbtAnswer {
  success: boolean;
  exception: string | null;
  results: DbtNodeResult[];
  seconds: number;
}

const header = /^(?:\s*$|.* Error in (?:model|test|seed|unit_test|snapshot) )/;

/** The line that says what is wrong: dbt puts the node and its file first, then an empty line or two. */
export function firstErrorLine(message: string | null): string {
  const lines = (message ?? '').split('\n');
  return (lines.find((line) => !header.test(line)) ?? lines[0] ?? '').trim();
}

const holder = /Could not set lock on file[^]*?Conflicting lock is held in ([^(]*?)\s*\(PID (\d+)\)/;

/** Who holds the warehouse, if that is why the run failed: such as 'process 4711 (/usr/bin/python3.11)'. */
export function lockHolder(answer: DbtAnswer): string | null {
  const texts = [answer.exception, ...answer.results.map((r) => r.message)];
  for (const text of texts) {
    const found = text === null ? null : holder.exec(text);
    if (found) return `process ${found[2]} (${found[1]})`;
    if (text !== null && /Could not set lock on file/.test(text)) return 'another process';
  }
  return null;
}

/**
 * What a run left unbuilt, by name, where all that failed ran out of memory: two models that are built at once share it, and
 * either may fit by itself. Null where anything failed for another reason, or nothing did.
 */
export function leftForMemory(nodes: readonly DbtNodeResult[]): string[] | null {
  const failures = nodes.filter(failed);
  if (failures.length === 0) return null;
  if (!failures.every((node) => node.message?.includes('Out of Memory Error'))) return null;
  return nodes.filter((node) => failed(node) || node.status === 'skipped').map((node) => node.name);
}

const failed = (node: DbtNodeResult) => ['error', 'fail', 'runtime error'].includes(node.status);

const describe = (node: DbtNodeResult): string => {
  const what = firstErrorLine(node.message) || `${node.failures ?? 0} rows`;
  const where = node.compiled_path === null ? '' : ` (${node.compiled_path})`;
  return `  ${node.resource_type} ${node.name}: ${what}${node.resource_type === 'test' ? where : ''}`;
};

/**
 * Turns the worker's answer into a result.
 * @throws DbtFailed FT_DBT_FAILED naming each node that failed with the first line of its error
 */
export function resultOf(command: string, answer: DbtAnswer, logFile: string): DbtResult {
  const nodes = answer.results.filter((node) => node.resource_type !== 'operation'); // hooks of the project
  const result: DbtResult = { command, nodes, seconds: answer.seconds };
  const failures = answer.results.filter(failed);
  if (answer.success && failures.length === 0) return result;
  const skipped = answer.results.filter((node) => node.status === 'skipped').length;
  const fix = `correct it, then run the command again; dbt's own log is ${path.normalize(logFile)}`;
  if (failures.length === 0)
    throw new DbtFailed(`dbt ${command} failed: ${answer.exception ?? 'it did not say why'}`, result, fix);
  const shown = failures.slice(0, 10).map(describe);
  if (failures.length > shown.length) shown.push(`  … and ${failures.length - shown.length} more`);
  const rest = skipped > 0 ? `, ${skipped} skipped for that` : '';
  throw new DbtFailed(
    `dbt ${command}: ${failures.length} of ${answer.results.length} failed${rest}\n${shown.join('\n')}`,
    result,
    fix,
  );
}
