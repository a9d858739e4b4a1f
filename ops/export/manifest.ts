import { createHash } from 'node:crypto';
import type { ColumnType, Lake } from '../../lake/index.ts';

/** A column as the contract of an export says it. */
export interface ExportColumn {
  name: string;
  type: ColumnType;
  description: string;
}

export interface ExportPart {
  /** Value of the partition; null where the export has none. */
  value: string | null;
  /** Path from the folder of the version. */
  path: string;
  rows: number;
  bytes: number;
  sha256: string;
}

/** `_manifest.json` beside the partitions of one version of one export. Engines pass over names that begin with `_`. */
export interface ExportManifest {
  model: string;
  version: number;
  description: string;
  /** Without the partition column, which is in the path. */
  columns: ExportColumn[];
  partition: string | null;
  /** Tells keys apart and gives none away. */
  key_id: string;
  /** False while an export is at it, or after one that broke off. */
  complete: boolean;
  /** The moment that the rows speak of, microseconds UTC. */
  as_of_us: number;
  exported_us: number;
  rows: number;
  parts: ExportPart[];
}

export const exportsFolder = 'exports';

export const versionFolder = (model: string, version: number): string =>
  `${exportsFolder}/${model}/v${version}`;

export const manifestPath = (model: string, version: number): string =>
  `${versionFolder(model, version)}/_manifest.json`;

/** Path of a partition's one file from the folder of the version. */
export const partPath = (partition: string | null, value: string | null): string =>
  partition === null ? 'data.parquet' : `${partition}=${encodeURIComponent(value ?? '')}/data.parquet`;

export const keyId = (key: string): string =>
  createHash('sha256').update(`feedtrial export\n${key}`).digest('hex').slice(0, 16);

export async function readManifest(
  lake: Lake,
  model: string,
  version: number,
): Promise<{ bytes: Uint8Array | null; manifest: ExportManifest | null }> {
  const bytes = await lake.read(manifestPath(model, version));
  return {
    bytes,
    manifest: bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString('utf8')) as ExportManifest),
  };
}

/** Manifests of every version of every export of a place, by model and version. */
export async function readManifests(lake: Lake): Promise<ExportManifest[]> {
  const found: ExportManifest[] = [];
  for (const { path } of await lake.list(exportsFolder)) {
    const [, model, version] = /^exports\/([^/]+)\/v(\d+)\/_manifest\.json$/.exec(path) ?? [];
    if (model === undefined) continue;
    const { manifest } = await readManifest(lake, model, Number(version));
    if (manifest !== null) found.push(manifest);
  }
  return found.sort((a, b) => a.model.localeCompare(b.model) || a.version - b.version);
}

/** What differs between the columns that were exported and those of now, in words. */
export function schemaChanges(
  before: ExportManifest,
  columns: ExportColumn[],
  partition: string | null,
): string[] {
  const changes: string[] = [];
  const said = (list: ExportColumn[]): Map<string, ColumnType> =>
    new Map(list.map(({ name, type }) => [name, type]));
  const old = said(before.columns);
  const now = said(columns);
  for (const [name, type] of old) {
    if (!now.has(name)) changes.push(`${name} is gone`);
    else if (now.get(name) !== type) changes.push(`${name} was ${type} and is ${now.get(name)}`);
  }
  for (const name of now.keys()) if (!old.has(name)) changes.push(`${name} is new`);
  if (before.partition !== partition)
    changes.push(
      `it was partitioned by ${before.partition ?? 'nothing'} and is by ${partition ?? 'nothing'}`,
    );
  return changes;
}
