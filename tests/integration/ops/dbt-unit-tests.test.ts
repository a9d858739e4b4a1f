import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

silenceProgress();

test(
  'every model builds on an empty lake, and every dbt unit test passes',
  { timeout: 600_000 },
  async () => {
    const config = configIn(temporaryFolder());
    mkdirSync(path.dirname(config.warehouse), { recursive: true });
    const engine = await openEngine();
    await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
    await engine.close();
    const dbt = await openDbt(config);
    onTestFinished(() => dbt.close());
    const vars = { publish_id: 'unit-tests', generation: 'unit-tests' };
    // unit tests need the relations that their models read to be there
    await dbt.run({ command: 'seed', vars });
    await dbt.run({ command: 'run', vars });
    const { nodes } = await dbt.run({ command: 'test', select: ['test_type:unit'], vars });
    expect(nodes.length).toBeGreaterThan(0);
    expect(nodes.filter((node) => node.status !== 'pass').map((node) => node.name)).toEqual([]);
  },
);
