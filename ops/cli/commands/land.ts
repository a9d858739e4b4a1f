import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('land')
    .description('Move what capture and serving have sealed in the spool into Parquet in the lake.')
    .action(() =>
      run(async ({ config, signal, say, result }) => {
        const { land } = await import('../../../extract/land/index.ts');
        const summary = await land({ config, signal });
        result(summary);
        const { batches, segments, rows, files, seconds } = summary;
        if (segments === 0) say('nothing sealed in the spool');
        else {
          const took = `${files} ${files === 1 ? 'file' : 'files'} in ${seconds.toFixed(1)} s`;
          say(
            `landed ${segments} segments in ${batches.length} ${batches.length === 1 ? 'batch' : 'batches'}: ${took}`,
          );
          for (const [table, count] of Object.entries(rows).sort())
            say(`  ${table.padEnd(18)} ${count} rows`);
        }
        if (summary.recovered > 0)
          say(`sealed ${summary.recovered} segments that dead processes had left open`);
        if (summary.malformed > 0)
          say(`${summary.malformed} lines were not what their format says: see raw/rejected`);
        if (summary.clamped > 0)
          say(`${summary.clamped} events stated an impossible time; their ingestion's stands instead`);
        for (const { segment, reason } of summary.skipped) say(`left in the spool: ${segment}: ${reason}`);
        return summary.skipped.length > 0 || signal.aborted ? EXIT.partial : EXIT.done;
      }),
    );
};
