import { constants, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { openEngine, sqlText } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { generationFiles } from '../../../ops/cycle/publish.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { replay } from '../../../ops/cycle/replay.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { editSeed, editedProject } from './edited-project.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from './small-lake.ts';

let small: SmallLake;
/** Two lakes alike, before their first ranking: all participants at once, and four at a time. */
let whole: Config;
let batched: Config;

const arms = ['treatment', 'engagement_personal', 'diversified', 'interleaved'];

const rankAs = async (config: Config, generation: string): Promise<void> => {
  const dbt = await openDbt(config);
  try {
    await rank({ config, dbt, asOfUs: small.generated.endUs, generation });
  } finally {
    await dbt.close();
  }
};

beforeAll(async () => {
  small = await makeSmallLake();
  whole = { ...small.config, projectRoot: editedProject(small.folder, ['macros']) };
  editSeed(
    whole.projectRoot,
    'arms.csv',
    (text) =>
      `${text}${arms
        .slice(1)
        .map((arm) => `${arm},${arm},,1,open,,\n`)
        .join('')}`,
  );
  const engine = await openEngine();
  const roster = path.join(whole.privateLake, 'participants/current.parquet');
  await engine.run(`CREATE TABLE roster AS SELECT * REPLACE
    ([${arms.map(sqlText).join(', ')}][1 + (row_number() OVER (ORDER BY participant_id) % ${arms.length})::INTEGER] AS arm)
    FROM read_parquet(${sqlText(roster)})`);
  await engine.run(`COPY roster TO ${sqlText(roster)} (FORMAT parquet)`);
  await engine.close();
  const dbt = await openDbt(whole);
  await buildBeforeRanking({ ...small, config: whole }, dbt);
  await dbt.close();
  const copy = (place: string): string => {
    const to = path.join(small.folder, 'batched', path.relative(small.folder, place));
    cpSync(place, to, { recursive: true });
    return to;
  };
  batched = {
    ...whole,
    participantsPerBatch: 4,
    lake: copy(whole.lake),
    privateLake: copy(whole.privateLake),
    warehouse: path.join(copy(path.dirname(whole.warehouse)), path.basename(whole.warehouse)),
  };
}, 600_000);

afterAll(() => small?.remove());

const files = [
  ['lake', generationFiles('g').feeds],
  ['lake', 'feeds/generation=g/serving.arrow'],
  ['lake', 'feeds/generation=g/inputs/short.parquet'],
  ['lake', 'feeds/generation=g/inputs/guardrails.parquet'],
  ['privateLake', 'feeds/generation=g/inputs/follows.parquet'],
  ['privateLake', 'pairs/generation=g/pairs.parquet'],
] as const;

it('a ranking in batches that is killed between two of them leaves nothing behind, and run again gives the bytes of a ranking all at once', async () => {
  await rankAs(whole, 'g');

  // the third batch of one model waits, so that whoever ranks dies between batches
  const macro = path.join(batched.projectRoot, 'macros/rank/in_batches.sql');
  const asItIs = readFileSync(macro, 'utf8');
  const gate = path.join(small.folder, 'gate');
  await execa('mkfifo', [gate]);
  const waiting = asItIs.replace(
    '{% for batch in range(last_batch + 1) %}',
    `$&{% if batch == 2 and this.identifier == 'int_feeds__assembled' %}{% do run_query("from read_text('${gate}')") %}{% endif %}`,
  );
  expect(waiting).not.toBe(asItIs);
  writeFileSync(macro, waiting);
  const ranking = execa(
    process.execPath,
    [
      path.join(import.meta.dirname, 'rank-and-die.ts'),
      JSON.stringify(batched),
      'g',
      String(small.generated.endUs),
    ],
    { reject: false, env: { TMPDIR: small.folder } },
  );
  const opened = open(gate, 'w'); // once the other side is there
  const ended = ranking.then(async ({ stderr }) => {
    await (await open(gate, constants.O_RDONLY | constants.O_NONBLOCK)).close();
    throw new Error(`it ended before the third batch: ${stderr}`);
  });
  onTestFinished(async () => {
    await (await opened).close();
  });
  await Promise.race([opened, ended]);
  ended.catch(() => undefined);
  ranking.kill('SIGKILL');
  expect((await ranking).signal).toBe('SIGKILL');
  writeFileSync(macro, asItIs);
  expect(existsSync(path.join(batched.lake, 'feeds/current.json'))).toBe(false);

  await rankAs(batched, 'g');
  for (const [home, file] of files)
    expect([
      file,
      readFileSync(path.join(batched[home], file)).equals(readFileSync(path.join(whole[home], file))),
    ]).toEqual([file, true]);
}, 600_000);

it('tables of a ranking in batches hold everybody, and it is replayed byte for byte', async () => {
  const engine = await openEngine();
  onTestFinished(() => engine.close());
  await engine.run(`ATTACH ${sqlText(batched.warehouse)} AS ranked (READ_ONLY)`);
  const readers = small.generated.participants.filter((one) => one.status === 'active').length + 1;
  const [{ batches = [] } = {}] = await engine.rows<{ batches: number[] }>(
    'SELECT list(n::INTEGER ORDER BY batch) AS batches FROM (SELECT batch, count(*) AS n FROM ranked.int_participants__policies GROUP BY batch)',
  );
  expect(batches).toEqual([4, 4, readers - 8]);
  for (const model of ['int_feeds__explained', 'int_feeds__positions', 'fct_feeds']) {
    const rows = await engine.rows(`SELECT DISTINCT participant_id FROM ranked.${model}`);
    expect([model, rows.length]).toEqual([model, readers]);
  }
  expect(await replay({ config: batched, generation: 'g' })).toMatchObject({
    verified: true,
    identical_bytes: true,
    feeds: { identical: readers, different: 0 },
  });
});
