import { lakeErrors } from '../errors.ts';
import { LocalLake } from './local.ts';
import type { Lake } from './store.ts';

/**
 * Opens the lake at a root as configured.
 * @throws FeedtrialError FT_LAKE_UNSUPPORTED for a URL scheme that has no store.
 */
export function openLake(root: string): Lake {
  if (/^[a-z0-9+]+:\/\//i.test(root)) throw lakeErrors.unsupported(root);
  return new LocalLake(root);
}
