import { expect, test } from 'vitest';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { hasTrino } from '../../services/trino.ts';
import { compareAll, generatedStudy, studyOnBoth } from './study-on-both.ts';

// Some ten minutes on two cores.
test.skipIf(!hasTrino)(
  '100,000 posts, with all that hangs on them, are the same rows on DuckDB and on Trino',
  async () => {
    silenceProgress();
    const study = await studyOnBoth(generatedStudy(100_000));
    try {
      const compared = await compareAll(study);
      const rows = new Map(compared.map((one) => [one.model, one.trino]));
      for (const one of compared) console.log(`${one.model}: ${one.duckdb} and ${one.trino} rows`);
      console.log(`seconds: DuckDB, building again ${study.seconds.duckdb}, Trino ${study.seconds.trino}`);
      console.log(
        `megabytes: ${study.bytes.read / 1e6} read by Trino's build, ${study.bytes.lake / 1e6} in the lakes`,
      );
      expect(compared.filter((one) => one.trino !== one.duckdb || one.different.length > 0)).toEqual([]);
      expect(rows.get('stg_bluesky__posts')).toBeGreaterThan(100_000); // and those of the same words
      expect(rows.get('fct_feeds')).toBeGreaterThan(500);
      expect(rows.get('export_participant_days')).toBeGreaterThan(10);
    } finally {
      await study.close();
      silenceProgress(false);
    }
  },
);
