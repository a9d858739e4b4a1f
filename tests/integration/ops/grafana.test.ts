import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTables, openEngine, openLake, readTable, tables, type Engine } from '../../../lake/index.ts';
import { generateLake } from '../../../lake/generate/index.ts';
import { tableName } from '../../../ops/athena/tables.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { grafanaQueries } from '../../../ops/docs/grafana.ts';
import { configIn } from '../../folders.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { rawSQL: string; connectionArgs: { database: string } }[];
}

describe('the dashboard of Grafana', () => {
  const dashboard = JSON.parse(
    readFileSync(path.join(projectRoot, 'ops/deploy/grafana/dashboard.json'), 'utf8'),
  ) as { uid: string; schemaVersion: number; panels: Panel[]; templating: { list: { name: string }[] } };

  test('has a panel for each query, no two in one place, and no variable that it does not define', () => {
    const withQueries = dashboard.panels.filter(({ type }) => type !== 'row');
    expect(withQueries.map(({ targets }) => targets?.[0]?.rawSQL).toSorted()).toEqual(
      grafanaQueries()
        .map(({ sql }) => sql)
        .toSorted(),
    );
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const one of dashboard.panels)
      for (const other of dashboard.panels) {
        if (one.id >= other.id) continue;
        const [a, b] = [one.gridPos, other.gridPos];
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect(apart, `${one.title} and ${other.title}`).toBe(true);
      }
    for (const { type } of withQueries) expect(['timeseries', 'stat', 'table']).toContain(type);
    const known = new Set([...dashboard.templating.list.map(({ name }) => name), '__from']);
    for (const [, name = ''] of JSON.stringify(dashboard).matchAll(/\$\{(\w+)/g))
      expect(known).toContain(name);
  });
});

describe('its queries', () => {
  let folder: string;
  let engine: Engine;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-grafana-'));
    const config = configIn(folder);
    const [lake, privateLake] = [openLake(config.lake), openLake(config.privateLake)];
    engine = await openEngine();
    await ensureTables(lake, privateLake, engine);
    await generateLake({ lake, privateLake, engine, posts: 200, hours: 6 });
    for (const key of ['records', 'gaps', 'rejected', 'runs', 'labels', 'exposures'] as const)
      await engine.run(`CREATE VIEW ${tableName(key)} AS SELECT * FROM ${readTable(lake, tables[key])}`);
    // what Athena's engine has under these names
    for (const macro of [
      'from_unixtime(seconds) AS to_timestamp(seconds)',
      'to_unixtime(moment) AS epoch(moment)',
      'approx_percentile(value, share) AS approx_quantile(value, share)',
      'to_utf8(value) AS value',
      'to_hex(value) AS value',
    ])
      await engine.run(`CREATE MACRO ${macro}`);
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(grafanaQueries())('$name runs on the tables of the lake', async ({ name, sql, kind }) => {
    const rows = await engine.rows<Record<string, unknown>>(
      sql.replaceAll('${__from:date:YYYY-MM-DD}', '2000-01-01'),
    );
    if (['capture_operations', 'capture_lag', 'labels_asked'].includes(name))
      expect(rows.length).toBeGreaterThan(0);
    for (const row of rows.slice(0, 1)) expect('time' in row).toBe(kind === 'timeseries');
  });
});
