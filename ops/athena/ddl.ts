import type { ColumnType } from '../../lake/index.ts';
import { locationTemplate, type ExternalTable, type Projection } from './tables.ts';

const hiveTypes: Record<ColumnType, string> = {
  VARCHAR: 'string',
  BIGINT: 'bigint',
  INTEGER: 'int',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  'FLOAT[]': 'array<float>',
  'VARCHAR[]': 'array<string>',
};

export const hiveType = (type: ColumnType): string => hiveTypes[type];

const trinoTypes: Record<ColumnType, string> = {
  VARCHAR: 'varchar',
  BIGINT: 'bigint',
  INTEGER: 'integer',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  'FLOAT[]': 'array(real)',
  'VARCHAR[]': 'array(varchar)',
};

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const hiveText = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const lastDay = (projection: { to: string | null }): string => projection.to ?? 'NOW';

/** Glue's parameters that project a table's partitions. */
export function projectionParameters(table: ExternalTable): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (table.partitions.length === 0) return parameters;
  parameters['projection.enabled'] = 'true';
  const template = locationTemplate(table);
  if (template !== null) parameters['storage.location.template'] = template;
  for (const { name, projection } of table.partitions) {
    parameters[`projection.${name}.type`] = projection.type;
    if (projection.type === 'date') {
      parameters[`projection.${name}.range`] = `${projection.from},${lastDay(projection)}`;
      parameters[`projection.${name}.format`] = 'yyyy-MM-dd';
    } else parameters[`projection.${name}.values`] = projection.values.join(',');
  }
  return parameters;
}

/** A table in Athena's words, comments and all. */
export function athenaDdl(database: string, table: ExternalTable): string {
  const columns = table.columns.map(
    ({ name, type, description }) => `  \`${name}\` ${hiveType(type)} COMMENT ${hiveText(description)}`,
  );
  const partitions = table.partitions.map(({ name }) => `\`${name}\` string`).join(', ');
  const properties = Object.entries({ 'parquet.compression': 'ZSTD', ...projectionParameters(table) }).map(
    ([key, value]) => `  ${hiveText(key)} = ${hiveText(value)}`,
  );
  return [
    `CREATE EXTERNAL TABLE IF NOT EXISTS \`${database}\`.\`${table.name}\` (`,
    columns.join(',\n'),
    ')',
    `COMMENT ${hiveText(table.description)}`,
    ...(partitions === '' ? [] : [`PARTITIONED BY (${partitions})`]),
    'STORED AS PARQUET',
    `LOCATION ${hiveText(`${table.location}/`)}`,
    'TBLPROPERTIES (',
    properties.join(',\n'),
    ')',
  ].join('\n');
}

function trinoProjection(projection: Projection): string {
  if (projection.type === 'enum')
    return `partition_projection_type = 'ENUM', partition_projection_values = ARRAY[${projection.values.map(text).join(', ')}]`;
  return (
    `partition_projection_type = 'DATE', partition_projection_format = 'yyyy-MM-dd', ` +
    `partition_projection_range = ARRAY[${text(projection.from)}, ${text(lastDay(projection))}]`
  );
}

/** A table in the words of Trino's Hive connector, which calls the same things by other names. */
export function trinoDdl(schema: string, table: ExternalTable): string {
  const template = locationTemplate(table);
  const columns = [
    ...table.columns.map(({ name, type }) => `  "${name}" ${trinoTypes[type]}`),
    ...table.partitions.map(
      ({ name, projection }) => `  "${name}" varchar WITH (${trinoProjection(projection)})`,
    ),
  ];
  const properties = [
    `external_location = ${text(`${table.location}/`)}`,
    `format = 'PARQUET'`,
    ...(table.partitions.length === 0
      ? []
      : [
          `partitioned_by = ARRAY[${table.partitions.map(({ name }) => text(name)).join(', ')}]`,
          'partition_projection_enabled = true',
        ]),
    ...(template === null ? [] : [`partition_projection_location_template = ${text(template)}`]),
  ];
  return `CREATE TABLE IF NOT EXISTS ${schema}.${table.name} (\n${columns.join(',\n')}\n)\nWITH (${properties.join(', ')})`;
}
