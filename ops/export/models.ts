import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ColumnType } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { dbtFolders } from '../dbt/index.ts';
import { exportErrors } from './errors.ts';
import type { ExportColumn } from './manifest.ts';

/** A model of `models/exports` that leaves the warehouse. */
export interface ExportModel {
  name: string;
  /** `export_version` in its `meta`, from 1. */
  version: number;
  description: string;
  columns: ExportColumn[];
  /** Column of text that partitions it: the UTC day, where it has one. */
  partition: string | null;
}

interface DbtNode {
  resource_type: string;
  name: string;
  description: string;
  original_file_path: string;
  config: { contract?: { enforced?: boolean }; meta?: { export_version?: number } };
  columns: Record<string, { name: string; data_type: string | null; description: string }>;
}

const dayColumn = 'event_day';

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/**
 * The exports of the project, as dbt parsed it last.
 * @throws FeedtrialError FT_EXPORT_CONTRACT, FT_EXPORT_MODEL
 */
export async function readExportModels(config: Config, only: string[] = []): Promise<ExportModel[]> {
  const file = path.join(dbtFolders(config).target, 'manifest.json');
  const { nodes } = JSON.parse(await readFile(file, 'utf8')) as { nodes: Record<string, DbtNode> };
  const models = Object.values(nodes)
    .filter((node) => node.resource_type === 'model' && node.name.startsWith('export_'))
    .map((node): ExportModel => {
      const columns = Object.values(node.columns);
      if (node.config.contract?.enforced !== true || columns.some((column) => column.data_type === null))
        throw exportErrors.noContract(node.name);
      const isPartitioned = columns.some((column) => column.name === dayColumn);
      return {
        name: node.name,
        version: node.config.meta?.export_version ?? 1,
        description: oneLine(node.description),
        columns: columns
          .filter((column) => column.name !== dayColumn)
          .map((column) => ({
            name: column.name,
            type: (column.data_type ?? '').toUpperCase() as ColumnType,
            description: oneLine(column.description),
          })),
        partition: isPartitioned ? dayColumn : null,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const unknown = only.filter((name) => !models.some((model) => model.name === name));
  if (unknown.length > 0)
    throw exportErrors.noModel(
      unknown,
      models.map((model) => model.name),
    );
  return only.length === 0 ? models : models.filter((model) => only.includes(model.name));
}
