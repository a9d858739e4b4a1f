import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Lake } from '../../lake/index.ts';
import { parseCsv } from '../../study/index.ts';
import { describeError } from '../errors/index.ts';
import { rankErrors } from './errors.ts';

/** What ranked: each policy version whose feeds were ever published, with its row. */
const registryPath = 'feeds/policies.json';

interface RegisteredVersion {
  policy: string;
  version: string;
  /** Column -> text, empty ones left out. */
  parameters: Record<string, string>;
  /** Over the parameters. */
  sha256: string;
  first_generation: string;
}

export interface Policies {
  /** Rows of the seed. */
  rows: Record<string, string>[];
  registry: Uint8Array | null;
  /** Whether a policy of an arm may score pairs of participants and posts. */
  needPairs: boolean;
  /** Policies that arms may use, teams of interleaved ones included. */
  used: Set<string>;
}

const key = (row: { policy: string; version: string }): string => `${row.policy} ${row.version}`;

const parametersOf = (row: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([name, value]) => value !== '' && name !== 'policy' && name !== 'version')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const digest = (parameters: Record<string, string>): string => hash('sha256', JSON.stringify(parameters));

function parseRegistry(bytes: Uint8Array | null): RegisteredVersion[] {
  return bytes === null ? [] : (JSON.parse(Buffer.from(bytes).toString('utf8')) as RegisteredVersion[]);
}

async function readSeed(projectRoot: string, name: string): Promise<Record<string, string>[]> {
  const file = path.join(projectRoot, 'seeds', name);
  try {
    return parseCsv(await readFile(file, 'utf8')).map(({ cells }) => cells);
  } catch (error) {
    throw rankErrors.policies(`${name}: ${describeError(error)}`, error);
  }
}

/**
 * Reads the policies of this checkout and compares those that have ranked feeds with what they were then. A study's feeds name
 * the version that made them: a version means one thing for good.
 * @throws FeedtrialError FT_RANK_POLICY_EDITED naming the column, what it was and what it is; FT_RANK_POLICIES
 */
export async function requireUneditedPolicies(lake: Lake, projectRoot: string): Promise<Policies> {
  const rows = await readSeed(projectRoot, 'ranking_policies.csv');
  const arms = await readSeed(projectRoot, 'arms.csv');
  const registry = await lake.read(registryPath);
  const byKey = new Map(rows.map((row) => [key(row as { policy: string; version: string }), row]));
  const changes = parseRegistry(registry).flatMap((ranked) => {
    const row = byKey.get(key(ranked));
    if (row === undefined) return []; // a version that is no longer in the seed ranks nothing
    const now = parametersOf(row);
    if (digest(now) === ranked.sha256) return [];
    const names = [...new Set([...Object.keys(ranked.parameters), ...Object.keys(now)])];
    return names
      .filter((name) => ranked.parameters[name] !== now[name])
      .map(
        (name) =>
          `${ranked.policy} ${ranked.version}: ${name} was ${ranked.parameters[name] ?? 'empty'}, is ${now[name] ?? 'empty'} (ranked since generation ${ranked.first_generation})`,
      );
  });
  if (changes.length > 0) throw rankErrors.policyEdited(changes);
  const used = new Set([
    'default',
    ...arms.flatMap((arm) => [arm.policy ?? '', arm.members_get_policy ?? '']),
  ]);
  for (const row of rows)
    if (used.has(row.policy ?? ''))
      for (const team of [row.first_team_policy, row.second_team_policy]) if (team) used.add(team);
  const needPairs = rows.some(
    (row) => used.has(row.policy ?? '') && ['personal', 'diversity'].includes(row.sort_key ?? ''),
  );
  return { rows, registry, needPairs, used };
}

/** Remembers the versions that a generation ranks with, before the pointer moves to it. */
export async function registerPolicies(
  lake: Lake,
  policies: Policies,
  generation: string,
  ranked: readonly { policy: string; version: string }[],
): Promise<void> {
  const known = parseRegistry(policies.registry);
  const knownKeys = new Set(known.map(key));
  const wanted = new Set(ranked.map(key));
  const added = policies.rows
    .filter((row) => {
      const name = key(row as { policy: string; version: string });
      return wanted.has(name) && !knownKeys.has(name);
    })
    .map((row): RegisteredVersion => {
      const parameters = parametersOf(row);
      return {
        policy: row.policy ?? '',
        version: row.version ?? '',
        parameters,
        sha256: digest(parameters),
        first_generation: generation,
      };
    });
  if (added.length === 0) return;
  const next = [...known, ...added].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  await lake.swap(registryPath, policies.registry, `${JSON.stringify(next, null, 2)}\n`);
}
