import os from 'node:os';
import path from 'node:path';
import { ensureTables, makePrivate, openEngine, openLake, removeOldPublishes } from '../../lake/index.ts';
import { land } from '../../extract/land/index.ts';
import type { Config } from '../config/index.ts';
import type { Dbt } from '../dbt/index.ts';
import { describeError } from '../errors/index.ts';
import { buryDead, readRuns } from '../runs/index.ts';
import { log, newRunId, runStage, writeRunRecords } from '../telemetry/index.ts';
import { observeErrors } from './errors.ts';
import { meterObservation } from './meter.ts';
import { currentObservationPath, type CurrentObservation } from './observation.ts';
import { readProbes, type ProbeOptions, type Reading } from './probes.ts';

export interface ObserveOptions {
  config: Config;
  dbt: Dbt;
  dag?: string;
  runId?: string;
  signal?: AbortSignal;
  now?: () => number;
  /** A run that is known to be dead, also where it was on another machine. */
  deadRunId?: string;
  /** What tests bring in place of this machine's disks and server. */
  probes?: Pick<ProbeOptions, 'fullness' | 'server'>;
}

export interface ObserveSummary {
  publishId: string;
  observedUs: number;
  /** Stages that were killed, for which a record was written. */
  buried: { runId: string; stage: string }[];
  readings: Reading[];
  /** Alerts that fire. */
  alerts: number;
}

/** Runs further back than this are no longer looked at for dead ones. */
const buryWithinUs = 30 * 86_400e6;

/** Readings become run records, which landing takes along and SQL reads; each is a stage that is over at once. */
function probeRecords(readings: readonly Reading[], dag: string, runId: string, nowUs: number) {
  return readings.map(({ probe, subject, isOk, value, unit, reason }) => ({
    ts: nowUs,
    dag,
    run_id: runId,
    stage: `probe.${probe}${subject === '' ? '' : `.${subject}`}`,
    records: null,
    duration_s: 0,
    status: isOk ? 'done' : 'failed',
    host: os.hostname(),
    pid: process.pid,
    error: isOk ? null : reason,
    trace_id: null,
    detail: JSON.stringify({ probe, subject, value, unit, reason }),
  }));
}

/**
 * Looks at the pipeline as a whole: speaks for stages that were killed, reads disks, spool and server, lands what is
 * sealed (so that the newest run records count), builds the models of models/observe, alerts among them, and publishes
 * them as Parquet by one pointer. Everything else may be broken: it needs only models that were once built.
 * @throws FeedtrialError FT_OBSERVE_NOT_BUILT, from dbt (FT_DBT_…), FT_LAKE_POINTER_RACED
 */
export async function observe(options: ObserveOptions): Promise<ObserveSummary> {
  const { config, dbt, now = Date.now, runId = newRunId(now()), dag = 'observe', signal } = options;
  return runStage({ config, dag, runId, stage: 'observe', now }, async (stage) => {
    const lake = openLake(config.lake);
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    try {
      const runs = await readRuns({ config, engine, sinceUs: now() * 1000 - buryWithinUs });
      const buried = await buryDead({
        config,
        runs,
        foundBy: runId,
        now,
        ...(options.deadRunId === undefined ? {} : { deadRunId: options.deadRunId }),
      });
      for (const { run_id, stage: dead } of buried)
        log.warn('a stage was killed', { run_id, killed_stage: dead });
      const readings = await readProbes({ config, now, ...options.probes });
      await writeRunRecords(config, probeRecords(readings, dag, runId, Math.round(now() * 1000)), now);
      // what can't be landed is an alert of its own: go on with what is there
      await land({ config, dag, runId, now, ...(signal ? { signal } : {}) }).catch((error: unknown) =>
        log.error('landing failed while observing', { run_id: runId, error: describeError(error) }),
      );
      if (!(await lake.exists('queue/current.json'))) throw observeErrors.notBuilt();
      await ensureTables(lake, openLake(config.privateLake), engine);
      const warehouse = path.dirname(config.warehouse);
      if (warehouse !== config.projectRoot) await makePrivate(warehouse);

      const publishId = newRunId(now());
      const observedUs = Math.round(now() * 1000);
      const before = await lake.read(currentObservationPath);
      await dbt.run({
        command: 'build',
        select: ['tag:observe', 'alert_rules', 'schedule_targets', 'observe_parameters'],
        exclude: ['test_type:unit'],
        parameters: {
          publish_id: publishId,
          as_of_us: observedUs,
          label_profile: config.labelProfile,
          study: config.study,
        },
        ...(signal ? { signal } : {}),
      });
      const current: CurrentObservation = { publish_id: publishId, observed_us: observedUs };
      await lake.swap(currentObservationPath, before, `${JSON.stringify(current)}\n`);
      await removeOldPublishes(lake, 'observe', [publishId], now());
      const alerts = await meterObservation(lake, engine, current);
      stage.records = alerts;
      stage.detail = { publish_id: publishId, buried: buried.length, alerts };
      return {
        publishId,
        observedUs,
        buried: buried.map((row) => ({ runId: row.run_id, stage: row.stage })),
        readings,
        alerts,
      };
    } finally {
      await engine.close();
    }
  });
}
