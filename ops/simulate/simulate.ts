import { readFile } from 'node:fs/promises';
import { openEngine } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { attachWarehouse, buildCompiled, inOrder } from '../cycle/compiled.ts';
import type { Dbt } from '../dbt/index.ts';
import { describeError } from '../errors/index.ts';
import { simulateErrors } from './errors.ts';
import { fillFromGeneration, fillFromPosts, loadSeed } from './inputs.ts';
import { reportOf, type SimulationReport } from './report.ts';

export interface SimulateOptions {
  config: Config;
  dbt: Dbt;
  /** Generation whose window is ranked; the one in force by default. */
  generation?: string;
  /** CSV of posts instead of a generation. */
  posts?: string;
  /** Readers that are made up for `posts`. */
  readers?: number;
  /** Share of the authors that each of them follows. */
  followShare?: number;
  /** Positions from the top that the report is about. */
  first?: number;
  signal?: AbortSignal;
  onStep?: (step: string) => void;
}

const given = [
  'stg_cycle__clock',
  'stg_study__participants',
  'arms',
  'ranking_policies',
  'int_posts__rankable',
  'int_participants__last_feed',
  'int_feeds__follows',
  'stg_similarity__pairs',
];

/**
 * Ranks a window for every participant in every arm of this checkout's seeds, by this checkout's SQL, in a database of its own, and
 * says what each arm would have shown. Nothing is written to the lake, and nobody is served anything.
 * @throws FeedtrialError FT_SIMULATE_…, FT_DBT_…
 */
export async function simulate(options: SimulateOptions): Promise<SimulationReport> {
  const {
    config,
    dbt,
    posts,
    readers = 50,
    followShare = 0.1,
    first = 50,
    onStep = () => undefined,
  } = options;
  onStep('compiles the SQL of this checkout');
  const { nodes } = await dbt.run({
    command: 'compile',
    select: ['path:models/rank'],
    parameters: {
      generation: 'simulated',
      random_seed: 'simulated',
      previous_generation: '_none',
      participants_per_batch: config.participantsPerBatch,
    },
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const sqlOf = new Map<string, string>();
  for (const { name, resource_type: kind, compiled_path: file } of nodes)
    if (kind === 'model' && file !== null) sqlOf.set(name, await readFile(file, 'utf8'));
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const relation = await attachWarehouse(engine, sqlOf.get('int_feeds__positions') ?? '');
    onStep('fills in the window');
    const inputs =
      posts === undefined
        ? await fillFromGeneration(engine, config, relation, options.generation)
        : await fillFromPosts(engine, relation, { posts, readers, followShare });
    await engine.run(
      `CREATE TABLE ${relation('stg_cycle__clock')} AS SELECT ${Math.round(inputs.asOfUs)}::BIGINT AS as_of_us`,
    );
    for (const seed of ['arms', 'ranking_policies'])
      await loadSeed(engine, config.projectRoot, seed, relation);
    if (posts !== undefined)
      // a made-up reader has no arm of the study: any that had begun will do, since all are ranked in all of them
      await engine.run(
        `UPDATE ${relation('stg_study__participants')} SET arm = coalesce((
           SELECT min(arms.arm) FROM ${relation('arms')} AS arms JOIN ${relation('ranking_policies')} AS policies ON policies.policy = arms.policy
           WHERE policies.valid_from <= '${new Date(inputs.asOfUs / 1000).toISOString().slice(0, 10)}'), arm)`,
      );
    const order = inOrder(sqlOf, 'int_feeds__positions', new Set(given));
    for (const [i, model] of order.entries()) {
      onStep(`${i + 1} of ${order.length}: ${model}`);
      await buildCompiled(engine, relation, model, sqlOf.get(model) ?? '').catch((error: unknown) => {
        throw simulateErrors.model(model, inputs.from, describeError(error), error);
      });
    }
    onStep('counts');
    return await reportOf(engine, relation, { ...inputs, first });
  } finally {
    await engine.close();
  }
}
