import { publishFolder, sqlText, type Engine, type Lake } from '../../lake/index.ts';

/** `observe/current.json`: the observation in force. */
export interface CurrentObservation {
  publish_id: string;
  /** Moment that it speaks of, microseconds UTC. */
  observed_us: number;
}

export const currentObservationPath = 'observe/current.json';
export const observationFolder = (publishId: string): string => publishFolder('observe', publishId);

/** Files of an observation, each written by the model of the same name in models/observe. */
export type ObservationFile =
  | 'alerts'
  | 'arm_generations'
  | 'arm_hours'
  | 'capture_hours'
  | 'freshness'
  | 'label_coverage'
  | 'label_coverage_by_arm'
  | 'label_switch_over'
  | 'labeler_days'
  | 'measured'
  | 'pipeline_runs'
  | 'probes';

/** The observation in force; null before the first. */
export async function readCurrentObservation(lake: Lake): Promise<CurrentObservation | null> {
  const content = await lake.read(currentObservationPath);
  return content === null ? null : (JSON.parse(Buffer.from(content).toString('utf8')) as CurrentObservation);
}

/** `read_parquet(…)` over one file of an observation. */
export function observed(lake: Lake, current: CurrentObservation, file: ObservationFile): string {
  return `read_parquet(${sqlText(lake.uri(`${observationFolder(current.publish_id)}/${file}.parquet`))})`;
}

/** Rows with BIGINT as numbers: times in microseconds fit until the year 2255. */
export async function plainRows<T>(engine: Engine, sql: string): Promise<T[]> {
  const rows = await engine.rows<Record<string, unknown>>(sql);
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
    ),
  ) as T[];
}
