import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../config/config.ts';

const folder = path.join(projectRoot, 'ops/deploy/grafana/queries');

/** One query of the dashboard: what it shows, how, in which unit. */
export interface GrafanaQuery {
  name: string;
  title: string;
  kind: 'timeseries' | 'stat' | 'table';
  unit: string;
  sql: string;
}

/** Queries of ops/deploy/grafana: a title and 'kind · unit' in comments, then one statement that Athena and DuckDB both know. */
export function grafanaQueries(): GrafanaQuery[] {
  return globSync('*.sql', { cwd: folder })
    .toSorted()
    .map((file) => {
      const lines = readFileSync(path.join(folder, file), 'utf8').trim().split('\n');
      const at = lines.findIndex((line) => !line.startsWith('-- '));
      const comments = lines.slice(0, at).map((line) => line.slice(3));
      const [kind = '', unit = ''] = (comments.pop() ?? '').split(' · ');
      return {
        name: path.basename(file, '.sql'),
        title: comments.join(' ').replace(/\.$/, ''),
        kind: kind as GrafanaQuery['kind'],
        unit,
        sql: lines.slice(at).join('\n'),
      };
    });
}

const rows = [
  ['Capture', ['capture_operations', 'capture_lag', 'gaps_open', 'rejected']],
  ['Stages', ['stage_ends', 'stage_durations', 'stage_last_success']],
  ['Labels', ['labels_asked', 'labels_cost']],
  ['Serving', ['pages_served', 'pages_by_arm', 'server_latency']],
] as const;

/** The dashboard as Grafana imports it. */
export function grafanaDashboard(): string {
  const queries = new Map(grafanaQueries().map((one) => [one.name, one]));
  const panels: object[] = [];
  let y = 0;
  let id = 0;
  for (const [title, names] of rows) {
    panels.push({
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    for (const [at, name] of names.entries()) {
      const { title: said, kind, unit, sql } = queries.get(name) as GrafanaQuery;
      const known = ['s', 'ms', 'currencyUSD', 'none'].includes(unit);
      panels.push({
        id: ++id,
        type: kind,
        title: said.split(/[:.] /)[0],
        description: said,
        datasource: { type: 'grafana-athena-datasource', uid: '${athena}' },
        gridPos: { x: (at % 2) * 12, y: y + Math.floor(at / 2) * 8, w: 12, h: 8 },
        fieldConfig: { defaults: { unit: known ? unit : 'short' }, overrides: [] },
        options: {},
        targets: [
          {
            refId: 'A',
            format: kind === 'timeseries' ? 0 : 1,
            rawSQL: sql,
            connectionArgs: { database: '${database}', catalog: '__default', region: '__default' },
          },
        ],
      });
    }
    y += Math.ceil(names.length / 2) * 8;
  }
  const dashboard = {
    uid: 'feedtrial',
    title: 'Feedtrial',
    description: 'The lake by Athena. Made by `npm run docs` from ops/deploy/grafana/queries.',
    tags: ['feedtrial'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: 'utc',
    time: { from: 'now-2d', to: 'now' },
    refresh: '',
    templating: {
      list: [
        {
          name: 'athena',
          label: 'Athena',
          type: 'datasource',
          query: 'grafana-athena-datasource',
          hide: 0,
          current: {},
        },
        {
          name: 'database',
          label: 'Database',
          type: 'textbox',
          query: 'feedtrial_lake',
          hide: 0,
          current: { text: 'feedtrial_lake', value: 'feedtrial_lake' },
        },
      ],
    },
    annotations: { list: [] },
    links: [],
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
