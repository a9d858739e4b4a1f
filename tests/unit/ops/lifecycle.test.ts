import { describe, expect, it } from 'vitest';
import { lifecycleOf } from '../../../ops/lake/index.ts';

describe('the lifecycle of a bucket', () => {
  const days = { infrequent: 60, noncurrent: 14, backups: 90 };

  it('lets nothing expire that the pipeline or a replay reads', () => {
    const { Rules } = lifecycleOf('s3://bucket/study/one', days);
    const expiring = Rules.flatMap((rule) => {
      const { Expiration, Filter } = rule as { Expiration?: { Days?: number }; Filter?: { Prefix: string } };
      return Expiration?.Days === undefined ? [] : [Filter?.Prefix];
    });
    expect(expiring).toEqual(['study/one/backups/', 'study/one/refused/']);
  });

  it('keeps to the prefix of the lake, and to the whole bucket where there is none', () => {
    const prefixes = (root: string) =>
      lifecycleOf(root, days).Rules.map(
        (rule) => (rule as unknown as { Filter: { Prefix: string } }).Filter.Prefix,
      );
    expect(prefixes('s3://bucket/study').every((prefix) => prefix.startsWith('study/'))).toBe(true);
    expect(prefixes('s3://bucket')).toContain('raw/records/');
  });

  it('is of a bucket alone', () => {
    expect(() => lifecycleOf('/srv/lake', days)).toThrow(
      expect.objectContaining({ code: 'FT_LAKE_S3_URL' }) as Error,
    );
  });
});
