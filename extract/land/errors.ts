import { FeedtrialError } from '../../ops/errors/index.ts';

export const landErrors = {
  busy: (holder: string) =>
    new FeedtrialError('FT_LAND_BUSY', `another landing holds the spool: ${holder}`, {
      fix: 'let it end, then run this one again; it lands only what is left',
    }),
  corrupt: (problems: string[]) =>
    new FeedtrialError(
      'FT_LAND_SEGMENT_CORRUPT',
      `sealed segments no longer hold what their seal says; they were left where they are:\n${problems.map((p) => `  ${p}`).join('\n')}`,
      {
        fix: 'check the disk, restore the file or move it out of the spool together with its .seal.json, and close the hole with a backfill',
      },
    ),
  planBroken: (batch: string, missing: string) =>
    new FeedtrialError(
      'FT_LAND_PLAN_BROKEN',
      `batch ${batch} was begun with segment ${missing}, which is gone, and no manifest says that it was landed`,
      {
        fix: `restore the segment, or remove _landing/plan.json in the spool to land the others of the batch`,
      },
    ),
  incomplete: (batch: string, expected: number, found: number) =>
    new FeedtrialError(
      'FT_LAND_INCOMPLETE',
      `batch ${batch} has ${expected} lines in its segments and ${found} were accounted for; nothing was removed from the spool`,
      { fix: 'this is a defect of landing: keep the spool and report it' },
    ),
  busyCompacting: (holder: string) =>
    new FeedtrialError('FT_LAND_COMPACTION_BUSY', `another compaction runs: ${holder}`, {
      fix: 'let it end, then run this one again; it compacts only what is left',
    }),
  compactionRows: (compaction: string, expected: number, found: number) =>
    new FeedtrialError(
      'FT_LAND_COMPACTION_ROWS',
      `compaction ${compaction} should have ${expected} rows and has ${found}; the files that it was made of were kept`,
      {
        fix: 'check the disk and the memory; run `feedtrial land --verify`, and keep the old files until it finds nothing',
      },
    ),
};
