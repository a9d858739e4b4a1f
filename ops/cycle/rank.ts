import { computeSimilarity, scorePairs } from '../../enrich/similarity/index.ts';
import { ensureTables, openEngine, openLake, type Lake } from '../../lake/index.ts';
import { currentGenerationPath, readCurrentGeneration } from '../../lake/feeds/index.ts';
import type { Config } from '../config/index.ts';
import { DbtFailed, type Dbt, type DbtResult } from '../dbt/index.ts';
import { log, newRunId, runStage } from '../telemetry/index.ts';
import { rankErrors } from './errors.ts';
import { requirePromise, type KeptPromise } from './promise.ts';
import { registerPolicies, requireUneditedPolicies } from './policies.ts';
import { compactGenerations } from './retention.ts';
import { lastPublishedBy } from './previous.ts';
import { readBuilt } from './transform.ts';
import {
  discardAbandoned,
  discardGeneration,
  generationFiles,
  markPublished,
  publishGeneration,
  readGuardrails,
  readPolicies,
  type ArmSummary,
  type Guardrail,
} from './publish.ts';

export interface RankOptions {
  config: Config;
  dbt: Dbt;
  /**
   * The moment that ages are counted to, microseconds UTC; now by default. Posts, likes, reposts, replies and follows
   * after it don't count. The models must have been built for the same moment, give or take 5 minutes.
   */
  asOfUs?: number;
  /**
   * What came into the lake later, was labelled, embedded, enrolled or published later is not known, microseconds UTC; by default what
   * the models were built with. Only what was deleted or hidden since is left out all the same: nobody is shown it again.
   */
  knownAtUs?: number;
  /** Name of the generation; by default the time and a few random digits. */
  generation?: string;
  /** What all chance of this generation comes from; the study's name by default. */
  randomSeed?: string;
  dag?: string;
  runId?: string;
  signal?: AbortSignal;
  now?: () => number;
  /** Called when the generation is whole and only the pointer is left to move. */
  beforeSwap?: () => Promise<void> | void;
}

export interface RankSummary {
  generation: string;
  asOfUs: number;
  feeds: number;
  positions: number;
  /** Different posts over all feeds. */
  posts: number;
  arms: ArmSummary[];
  similaritySet: string;
  guardrails: Guardrail[];
  promise: KeptPromise;
  seconds: number;
}

/** How far the moments of ranking and of the models may be apart: what passes between the two by hand. */
const asOfToleranceUs = 5 * 60_000_000;

/** The models of ranking, the moment that they speak of, and the seeds that an analyst edits between two rankings. */
const selection = ['path:models/rank', 'stg_cycle__clock', 'arms', 'ranking_policies', 'guardrails'];

/** What has to be there before the similarity stage can answer for pairs of participants and posts. */
const pairsSelection = ['+int_feeds__pairs,path:models/rank', 'stg_cycle__clock', 'arms', 'ranking_policies'];

/** Whether all that failed are data tests on what was built: then the feeds are wrong, not the run. */
const testsAlone = (result: DbtResult): boolean => {
  const failed = result.nodes.filter(
    (node) => !['success', 'pass', 'warn', 'skipped', 'no-op'].includes(node.status),
  );
  return failed.length > 0 && failed.every((node) => node.resource_type === 'test' && node.status === 'fail');
};

const describe = (g: Guardrail): string =>
  `${g.guardrail}: ${g.measured_value ?? 'not measured'} ${g.unit}, must be ${g.comparison === 'at_least' ? 'at least' : 'at most'} ${g.bound} (${g.description})${g.detail === null ? '' : `: ${g.detail}`}`;

/** Leaves word of a generation that was not published, and takes its files out of what counts as feeds. */
async function refuse(
  lakes: readonly [Lake, Lake],
  generation: string,
  facts: Record<string, unknown>,
  breaches: string[],
  cause?: unknown,
): Promise<never> {
  await lakes[0].write(
    `refused/${generation}.json`,
    `${JSON.stringify({ generation, ...facts, breaches }, null, 2)}\n`,
  );
  await discardGeneration(lakes, generation);
  throw rankErrors.refused(generation, breaches, cause);
}

/**
 * Ranks a feed for every active participant and one for everyone else, checks them, and publishes them as a generation.
 * TypeScript decides nothing here: scores, order and guardrails are SQL.
 * @throws FeedtrialError FT_RANK_REFUSED (exit 4) where a guardrail or a test on the feeds fails, the last generation
 *   stays in force; FT_RANK_POLICY_EDITED; FT_RANK_PROMISE (exit 4); FT_RANK_NOT_TRANSFORMED; FT_RANK_AS_OF; FT_RANK_GENERATION_EXISTS; from dbt (FT_DBT_…); FT_LAKE_POINTER_RACED
 */
export async function rank(options: RankOptions): Promise<RankSummary> {
  const { config, dbt, now = Date.now, dag = 'rank', runId = newRunId(now()), signal } = options;
  const { generation = runId, randomSeed = config.study, beforeSwap } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(generation)) throw rankErrors.generation(generation);
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(randomSeed)) throw rankErrors.randomSeed();

  return runStage({ config, dag, runId, stage: 'rank', now }, async (stage) => {
    const startedMs = now();
    const asOfUs = options.asOfUs ?? Math.round(now() * 1000);
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const lakes = [lake, privateLake] as const;
    if (!(await lake.exists('queue/current.json'))) throw rankErrors.notTransformed();
    const built = await readBuilt(lake);
    const builtUs = built.asOfUs;
    const knownAtUs = options.knownAtUs ?? built.knownAtUs;
    if (builtUs !== null && knownAtUs !== built.knownAtUs)
      throw rankErrors.knownAt(asOfUs, knownAtUs, built.knownAtUs);
    if (builtUs !== null && Math.abs(asOfUs - builtUs) > asOfToleranceUs) {
      if (options.asOfUs !== undefined) throw rankErrors.asOf(asOfUs, builtUs);
      log.warn("the models are old: 'feedtrial cycle' builds them anew before it ranks", {
        built_as_of: new Date(builtUs / 1000).toISOString(),
      });
    }
    const expected = await lake.read(currentGenerationPath);
    const inForce = expected === null ? null : await readCurrentGeneration(lake);
    if (inForce !== null) await markPublished(lake, inForce); // its run may have died just after the pointer moved
    if (await lake.exists(generationFiles(generation).published))
      throw rankErrors.generationExists(generation);
    const promise = await requirePromise(config);
    const policies = await requireUneditedPolicies(lake, config.projectRoot);
    await discardGeneration(lakes, generation); // parts of it that a run left which died
    const abandoned = await discardAbandoned(lake, privateLake, now());
    if (abandoned.length > 0) log.info('removed what dead runs left', { generations: abandoned.join(' ') });
    const previous =
      knownAtUs === null ? (inForce?.generation ?? null) : await lastPublishedBy(lake, knownAtUs);
    const similarity = await computeSimilarity({
      config,
      dag,
      runId,
      now,
      ...(knownAtUs === null ? {} : { knownAtUs }),
    });
    const vars = {
      as_of_us: asOfUs,
      known_at_us: knownAtUs ?? 0,
      generation,
      previous_generation: previous ?? '_none',
      similarity_set: similarity.set,
      random_seed: randomSeed,
      label_profile: config.labelProfile,
      study: config.study,
      participants_per_batch: config.participantsPerBatch,
    };
    const facts = { run_id: runId, as_of_us: asOfUs, vars };
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    try {
      await ensureTables(lake, privateLake, engine);
      const job = { parameters: vars, ...(signal ? { signal } : {}) };
      let nodes: DbtResult['nodes'];
      try {
        if (policies.needPairs)
          await dbt.run({
            command: 'build',
            select: pairsSelection,
            exclude: ['test_type:unit', 'test_type:data'], // all of them run with the second build
            ...job,
          });
        await scorePairs({ config, generation, similarity, dag, runId, now });
        const built = await dbt.run({
          command: 'build',
          select: selection,
          // unit tests say something about the SQL, nothing about these feeds; the pairs were asked for and answered
          exclude: ['test_type:unit', 'int_feeds__pairs'],
          ...job,
        });
        nodes = built.nodes;
      } catch (error) {
        if (error instanceof DbtFailed && testsAlone(error.result)) {
          const failed = error.result.nodes.filter((node) => node.status === 'fail');
          const breaches = failed.map((node) => `${node.name}: ${node.failures ?? 0} rows`);
          return await refuse(lakes, generation, facts, breaches, error);
        }
        await discardGeneration(lakes, generation);
        throw error;
      }
      const guardrails = await readGuardrails(lake, engine, generation);
      const breaches = guardrails.filter((guardrail) => !guardrail.is_passed).map(describe);
      if (breaches.length > 0) return await refuse(lakes, generation, { ...facts, guardrails }, breaches);

      await registerPolicies(lake, policies, generation, await readPolicies(lake, engine, generation));
      const manifest = await publishGeneration({
        lake,
        privateLake,
        engine,
        projectRoot: config.projectRoot,
        generation,
        runId,
        vars,
        asOfUs,
        similaritySet: similarity.set,
        randomSeed,
        expected,
        previousGeneration: previous,
        guardrails,
        promise,
        compiled: nodes.flatMap(({ name, resource_type, compiled_path: file }) =>
          resource_type === 'model' && file !== null ? [{ name, file }] : [],
        ),
        now,
        ...(beforeSwap ? { beforeSwap } : {}),
      });
      const compacted = await compactGenerations({
        lake,
        privateLake,
        keepDays: config.keepGenerationsDays,
        nowMs: now(),
      });
      if (compacted.length > 0) log.info('compacted old generations', { generations: compacted.join(' ') });
      stage.records = manifest.counts.positions;
      stage.detail.generation = generation;
      stage.detail.feeds = manifest.counts.feeds;
      return {
        generation,
        asOfUs,
        feeds: manifest.counts.feeds,
        positions: manifest.counts.positions,
        posts: manifest.counts.posts,
        arms: manifest.arms,
        similaritySet: similarity.set,
        guardrails,
        promise,
        seconds: (now() - startedMs) / 1000,
      };
    } finally {
      await engine.close();
    }
  });
}
