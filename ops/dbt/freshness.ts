import { DbtFailed } from './errors.ts';
import type { Dbt } from './open.ts';
import type { DbtResult } from './result.ts';

export interface SourceFreshness {
  /** Such as 'raw.records'. */
  source: string;
  /** By the bounds beside the source: 'warn' and 'error' are old. */
  status: 'pass' | 'warn' | 'error';
  /** When its newest row came in, microseconds UTC; null where it has none of the last seven days. */
  loadedUs: number | null;
}

/**
 * Asks dbt how old the sources are that have a bound (`freshness:` in models/staging/_lake__sources.yml).
 * @throws FeedtrialError FT_DBT_FAILED where a source can't be asked; an old one is an answer
 */
export async function sourceFreshness(
  dbt: Dbt,
  options: { signal?: AbortSignal } = {},
): Promise<SourceFreshness[]> {
  let result: DbtResult;
  try {
    result = await dbt.run({ command: 'source freshness', ...options });
  } catch (error) {
    // dbt calls an old source a failure
    if (!(error instanceof DbtFailed)) throw error;
    if (error.result.nodes.some(({ status }) => !['pass', 'warn', 'error'].includes(status))) throw error;
    if (error.result.nodes.length === 0) throw error;
    result = error.result;
  }
  return result.nodes
    .map((node) => ({
      source: node.unique_id.split('.').slice(-2).join('.'),
      status: node.status as SourceFreshness['status'],
      loadedUs: node.loaded_us ?? null,
    }))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
}
