import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEngine, sqlText } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { generationFiles, type Guardrail } from '../../../ops/cycle/publish.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { code, editSeed, editedProject } from '../../integration/rank/edited-project.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from '../../integration/rank/small-lake.ts';

let small: SmallLake;
let config: Config;

const run = async (args: string[], env: Record<string, string> = {}) => {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(config.projectRoot, 'ops/cli/main.ts'), ...args],
    {
      reject: false,
      cwd: small.folder,
      env: {
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
        FEEDTRIAL_SPOOL: config.spool,
        FEEDTRIAL_STUDY_DB: config.studyDb,
        FEEDTRIAL_WAREHOUSE: config.warehouse,
        FEEDTRIAL_LABEL_PROFILE: 'demo',
        ...env,
      },
    },
  );
  return { exitCode, stdout, stderr };
};
const moment = (): string => new Date(small.generated.endUs / 1000).toISOString();
/** Ages count to the end of the generated network; all is known, the generations before as well. */
const asOf = (): string[] => [
  '--as-of',
  moment(),
  '--known-at',
  new Date(Date.now() + 3_600_000).toISOString(),
];

/** A version more of these policies that differs in some parameters, in force at once. */
const versionMore = (policies: readonly string[], parameters: Record<string, number>) => (text: string) => {
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const names = header.split(',');
  const more = lines
    .filter((line) => policies.some((policy) => line.startsWith(`${policy},1,`)))
    .map((line) => {
      const cells = line.split(',');
      cells[names.indexOf('version')] = `${cells[1] ?? ''}-more`;
      cells[names.indexOf('valid_from')] = '2026-07-03';
      for (const [name, value] of Object.entries(parameters)) cells[names.indexOf(name)] = String(value);
      return cells.join(',');
    });
  return `${text.trimEnd()}\n${more.join('\n')}\n`;
};
const all = ['default', 'reverse_chronological', 'engagement', 'treatment'];

beforeAll(async () => {
  small = await makeSmallLake();
  config = { ...small.config, projectRoot: editedProject(small.folder, code) };
  const dbt = await openDbt(config);
  await buildBeforeRanking(small, dbt);
  await dbt.close();
  const first = await run(['rank', ...asOf(), '--generation', 'first']);
  expect([first.exitCode, first.stderr]).toEqual([0, first.stderr]);
}, 600_000);

afterAll(() => small?.remove());

const seed = (name: string, edit: (text: string) => string) => ({
  breach: () => {
    const file = path.join(config.projectRoot, 'seeds', name);
    const before = readFileSync(file, 'utf8');
    editSeed(config.projectRoot, name, edit);
    return Promise.resolve(() => {
      writeFileSync(file, before);
    });
  },
});
const transform = async (models: string[], env: Record<string, string> = {}): Promise<void> => {
  const { exitCode, stderr } = await run(['transform', ...models, '--as-of', moment()], env);
  expect([exitCode, stderr]).toEqual([0, stderr]);
};

interface Case {
  /** Guardrail, or test on the feeds, that says so. */
  says: string;
  breach: () => Promise<() => Promise<void> | void>;
}

const cases: Case[] = [
  {
    says: 'default_feed_posts',
    ...seed('ranking_policies.csv', versionMore(['default'], { feed_length_posts: 0 })),
  },
  { says: 'feeds_missing_share', ...seed('arms.csv', (text) => text.replace(/^treatment,.*\n/m, '')) },
  {
    says: 'positions_kept_share',
    ...seed('ranking_policies.csv', versionMore(all, { feed_length_posts: 40, served_before_cap_posts: 20 })),
  },
  {
    says: 'churned_share_minimum',
    ...seed('ranking_policies.csv', versionMore(all, { served_before_cap_posts: 100 })),
  },
  {
    says: 'churned_share_maximum',
    ...seed('guardrails.csv', (text) =>
      text.replace('churned_share_maximum,at_most,1,', 'churned_share_maximum,at_most,0.1,'),
    ),
  },
  {
    // excluded after the models were built: the feeds are looked at by themselves
    says: 'assert_feeds_hold_no_post_that_may_not_be_shown',
    async breach() {
      const engine = await openEngine();
      const [{ author = '' } = {}] = await engine.rows<{ author: string }>(
        `SELECT min(author_did) AS author FROM read_parquet(${sqlText(path.join(config.lake, generationFiles('first').feeds))}, hive_partitioning = false)`,
      );
      await engine.close();
      const undo = await seed(
        'excludelist.csv',
        (text) => `${text.trimEnd()}\ndid,${author},2026-07-04,a test\n`,
      ).breach();
      await transform(['excludelist', 'int_authors__excluded']);
      return async () => {
        undo();
        await transform(['excludelist', 'int_authors__excluded']);
      };
    },
  },
  {
    // what is toxic is to be told by a label that nobody gave
    says: 'unlabelled_share',
    async breach() {
      const undo = await seed('label_precedence.csv', (text) =>
        text.replace('demo,toxic,student_toxicity,toxic,', 'demo,toxic,student_toxicity,unsaid,'),
      ).breach();
      await transform(['label_precedence', 'int_posts__labels', 'int_posts__measured']);
      return undo;
    },
  },
];

it.each(cases)(
  'a breach of $says keeps the last generation, says so and exits 4',
  async ({ says, breach }) => {
    const pointer = (): string => readFileSync(path.join(config.lake, 'feeds/current.json'), 'utf8');
    const before = pointer();
    const undo = await breach();
    try {
      const { exitCode, stdout, stderr } = await run(['rank', '--json', ...asOf(), '--generation', says]);
      expect([exitCode, stderr]).toEqual([4, stderr]);
      expect(stderr).toContain('FT_RANK_REFUSED');
      expect(stderr).toContain(says);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FT_RANK_REFUSED' } });
      expect(pointer()).toBe(before);
      expect(existsSync(path.join(config.lake, generationFiles(says).feeds))).toBe(false);
      const refused = JSON.parse(readFileSync(path.join(config.lake, `refused/${says}.json`), 'utf8')) as {
        breaches: string[];
        guardrails?: Guardrail[];
      };
      expect(refused.breaches).toHaveLength(1);
      expect(refused.breaches[0]).toContain(says);
      if (refused.guardrails)
        expect(refused.guardrails.filter((one) => !one.is_passed).map((one) => one.guardrail)).toEqual([
          says,
        ]);
    } finally {
      await undo();
    }
  },
  400_000,
);
