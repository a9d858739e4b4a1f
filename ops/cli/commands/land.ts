import { InvalidArgumentError } from 'commander';
import type { LandSummary } from '../../../extract/land/index.ts';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const hours = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number of hours, 0 or more');
  return value;
};

interface Flags {
  compact?: true;
  verify?: true;
  redact?: true;
  olderThanHours: number;
  graceHours: number;
  dryRun?: true;
}

function describeLanding(summary: LandSummary, say: (line: string) => void): void {
  const { batches, segments, rows, files, seconds } = summary;
  if (segments === 0) say('nothing sealed in the spool');
  else {
    const took = `${files} ${files === 1 ? 'file' : 'files'} in ${seconds.toFixed(1)} s`;
    say(
      `landed ${segments} segments in ${batches.length} ${batches.length === 1 ? 'batch' : 'batches'}: ${took}`,
    );
    for (const [table, count] of Object.entries(rows).sort()) say(`  ${table.padEnd(18)} ${count} rows`);
  }
  if (summary.recovered > 0) say(`sealed ${summary.recovered} segments that dead processes had left open`);
  if (summary.malformed > 0)
    say(`${summary.malformed} lines were not what their format says: see raw/rejected`);
  if (summary.clamped > 0)
    say(`${summary.clamped} events stated an impossible time; their ingestion's stands instead`);
  for (const { segment, reason } of summary.skipped) say(`left in the spool: ${segment}: ${reason}`);
}

export const register: Register = (program, run) => {
  program
    .command('land')
    .description('Move what capture and serving have sealed in the spool into Parquet in the lake.')
    .option('--compact', 'instead, fold days that no longer grow into one sorted file each')
    .option('--older-than-hours <n>', 'with --compact: hours since a day has ended', hours, 48)
    .option(
      '--grace-hours <n>',
      'with --compact: hours that replaced files stay for who still reads them',
      hours,
      6,
    )
    .option('--dry-run', 'with --compact: say what would be done, and do nothing')
    .option(
      '--redact',
      'instead, take the content of deleted records out once it is due (FEEDTRIAL_REDACT_DAYS)',
    )
    .option('--verify', 'instead, compare the manifests with the files that are there')
    .action((flags: Flags) =>
      run(async ({ config, signal, say, result }) => {
        if (flags.compact) {
          const { compact } = await import('../../../extract/land/index.ts');
          const { olderThanHours, graceHours, dryRun = false } = flags;
          const { openLake } = await import('../../../lake/index.ts');
          const { takeLease } = await import('../../cycle/index.ts');
          const { newRunId } = await import('../../telemetry/index.ts');
          const summary = await compact({
            config,
            signal,
            olderThanHours,
            graceHours,
            dryRun,
            hold: () => takeLease({ lake: openLake(config.lake), name: 'compaction', runId: newRunId() }),
          });
          result(summary);
          for (const { folder, files, rows } of summary.days)
            say(`${dryRun ? 'would fold' : 'folded'} ${folder}: ${files} files, ${rows} rows`);
          if (summary.days.length === 0) say('every ended day is one file already');
          say(
            `${dryRun ? 'would remove' : 'removed'} ${summary.removed} replaced files; ${summary.waiting} wait for their grace to end`,
          );
          return signal.aborted ? EXIT.partial : EXIT.done;
        }
        if (flags.redact) {
          const { redact } = await import('../../../extract/land/index.ts');
          const { takeLease } = await import('../../cycle/index.ts');
          const { openLake } = await import('../../../lake/index.ts');
          const { newRunId } = await import('../../telemetry/index.ts');
          const summary = await redact({
            config,
            signal,
            holdCycle: () => takeLease({ lake: openLake(config.lake), name: 'cycle', runId: newRunId() }),
          });
          result(summary);
          say(
            summary.files === 0
              ? `nothing is due; ${summary.waiting} deleted records will be`
              : `took the content of ${summary.records} deleted records out of ${summary.files} files; the next cycle builds the warehouse anew`,
          );
          return signal.aborted ? EXIT.partial : EXIT.done;
        }
        if (flags.verify) {
          const { verifyLake } = await import('../../../extract/land/index.ts');
          const found = await verifyLake({ config });
          result(found);
          say(
            `${found.batches} batches and ${found.compactions} compactions: ${found.files} files with ${found.rows} rows are as their manifests say`,
          );
          for (const { path, problem } of found.problems) say(`${path}: ${problem}`);
          return found.problems.length > 0 ? EXIT.failed : EXIT.done;
        }
        const { land } = await import('../../../extract/land/index.ts');
        const summary = await land({ config, signal });
        result(summary);
        describeLanding(summary, say);
        return summary.skipped.length > 0 || signal.aborted ? EXIT.partial : EXIT.done;
      }),
    );
};
