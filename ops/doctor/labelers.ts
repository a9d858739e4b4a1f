import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { fail, ok, warn, type Finding } from './check.ts';

/** Rows of a small CSV without quoted commas, by its header's names. */
export function readSeed(projectRoot: string, name: string): Record<string, string>[] {
  const [header = '', ...lines] = readFileSync(path.join(projectRoot, 'seeds', name), 'utf8')
    .trim()
    .split(/\r?\n/);
  const names = header.split(',');
  return lines.map((line) => {
    const values = line.split(',');
    return Object.fromEntries(names.map((column, at) => [column, values[at] ?? '']));
  });
}

/**
 * SQL asks for the version that seeds/labelers.csv names; a labeler answers as the version that it is. Where the two
 * differ, what it says is never used.
 */
export async function checkLabelers(config: Config): Promise<Finding[]> {
  const { labelers } = await import('../../enrich/index.ts');
  const seeded = new Map(
    readSeed(config.projectRoot, 'labelers.csv').map((row) => [row.labeler, row.version]),
  );
  const findings: Finding[] = [];
  for (const labeler of labelers) {
    const wanted = seeded.get(labeler.name);
    try {
      const version = await labeler.version(config);
      const name = `label ${labeler.name}`;
      if (wanted === undefined)
        findings.push(
          warn(name, 'not in seeds/labelers.csv, so SQL never asks it', `add a row with version ${version}`),
        );
      else if (wanted !== version)
        findings.push(
          fail(
            name,
            `is version ${version}, SQL asks for ${wanted}`,
            `set its version in seeds/labelers.csv, then run 'feedtrial transform'`,
          ),
        );
      else findings.push(ok(name, version.length > 24 ? `${version.slice(0, 12)}…` : version));
    } catch (error) {
      const weights = /WEIGHTS|MODEL/.test(describeError(error));
      findings.push(
        fail(
          `label ${labeler.name}`,
          describeError(error),
          weights ? "run 'npm run setup', or set FEEDTRIAL_MODELS" : "run 'npm ci', then 'npm run setup'",
        ),
      );
    }
  }
  return findings;
}
