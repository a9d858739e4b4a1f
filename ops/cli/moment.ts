import { EXIT, FeedtrialError } from '../errors/index.ts';

/**
 * A moment as a person writes it, in microseconds UTC: ISO 8601 with a zone, or a date alone (midnight UTC).
 * @throws FeedtrialError FT_CLI_MOMENT (exit 2) for anything else; a local time without a zone means different moments
 */
export function momentUs(text: string): number {
  const withZone = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text);
  const ms = withZone ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new FeedtrialError('FT_CLI_MOMENT', `expected a time, '${text}' came`, {
      fix: 'write it as 2026-07-04T12:00:00Z, or 2026-07-04 for midnight UTC',
      exitCode: EXIT.usage,
    });
  return ms * 1000;
}
