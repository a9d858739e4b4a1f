import { openLake, publishFolder } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { openDbt } from '../dbt/index.ts';
import { newRunId, runStage } from '../telemetry/index.ts';

/**
 * Has the models write what students learn from, hands over where it is, and removes it afterwards: texts of posts are
 * kept in one place alone.
 */
export async function withTrainingExamples<T>(
  { config, signal, now = Date.now }: { config: Config; signal: AbortSignal; now?: () => number },
  work: (examples: string) => Promise<T>,
): Promise<T> {
  const runId = newRunId(now());
  return runStage({ config, dag: 'train', runId, stage: 'train', now }, async () => {
    const folder = publishFolder('training', runId);
    const lake = openLake(config.lake);
    try {
      const dbt = await openDbt(config);
      try {
        await dbt.run({
          command: 'build',
          select: ['training_examples'],
          exclude: ['test_type:unit'],
          parameters: { publish_id: runId, label_profile: config.labelProfile, study: config.study },
          signal,
        });
      } finally {
        await dbt.close();
      }
      return await work(`${folder}/examples.parquet`);
    } finally {
      for (const file of await lake.list(folder)) await lake.remove(file.path);
    }
  });
}
