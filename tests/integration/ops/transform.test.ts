import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openEngine, openLake, readTable, tables } from '../../../lake/index.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import type { Dbt } from '../../../ops/dbt/index.ts';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { enroll, openStudyStore, rosterPath, withdraw } from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

/** A dbt that builds nothing, for what transform does before and after it. */
const idleDbt = { run: async () => ({ nodes: [] }), close: async () => undefined } as unknown as Dbt;

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';
const arms = [{ arm: 'engagement', weight: 1, status: 'open' as const }];

const openConfig = async () => {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_LOG_LEVEL: 'silent' });
  await startTelemetry(config);
  return config;
};

it('SQL reads who is in the study by the store, also where a process died before it published the roster', async () => {
  const config = await openConfig();
  const store = await openStudyStore(config);
  onTestFinished(() => store.close());
  await enroll(store, { people: [{ did }], arms });
  const roster = path.join(config.privateLake, rosterPath);
  const before = await readFile(roster);
  await withdraw(store, { who: did });
  await writeFile(roster, before);
  await transform({ config, dbt: idleDbt });
  const engine = await openEngine({ threads: 1 });
  try {
    expect(
      await engine.rows(
        `SELECT status FROM ${readTable(openLake(config.privateLake), tables.participants)} WHERE did = '${did}'`,
      ),
    ).toEqual([{ status: 'withdrawn' }]);
  } finally {
    await engine.close();
  }
});

it('private lake and warehouse are closed to other users, also where they were there and open; a shared folder is left', async () => {
  const config = await openConfig();
  const mode = async (folder: string) => ((await stat(folder)).mode & 0o7777).toString(8);
  const warehouse = path.dirname(config.warehouse);
  for (const folder of [config.privateLake, warehouse]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o755);
  }
  await transform({ config, dbt: idleDbt });
  expect([await mode(config.privateLake), await mode(warehouse)]).toEqual(['700', '700']);
  await chmod(warehouse, 0o1777);
  await transform({ config, dbt: idleDbt });
  expect(await mode(warehouse)).toBe('1777');
});
