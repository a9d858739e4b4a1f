import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new InvalidArgumentError(`a whole number from ${least}`);
    return value;
  };

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export const register: Register = (program, run) => {
  const lake = program
    .command('lake')
    .description('the lake as a whole: verify it, copy it, say what to keep');

  lake
    .command('verify')
    .description('compare what manifests and pointers say with what is there')
    .option('--deep', 'read the files of generations and compare their sha256, not their sizes alone')
    .action((options: { deep?: true }) =>
      run(async ({ config, say, result }) => {
        const { verifyWholeLake } = await import('../../lake/index.ts');
        const found = await verifyWholeLake({ config, deep: options.deep ?? false });
        result(found);
        const { landed, generations } = found;
        say(
          `${landed.batches} batches and ${landed.compactions} compactions: ${landed.files} files with ${landed.rows} rows compared`,
        );
        say(
          `${generations.count} generations: ${generations.files} files, ${megabytes(generations.bytes)}, compared by ${found.deep ? 'content' : 'size'}`,
        );
        for (const { path, problem } of found.problems) say(`${path}: ${problem}`);
        say(found.problems.length === 0 ? 'all is as it says' : `${found.problems.length} problems`);
        return found.problems.length > 0 ? EXIT.failed : EXIT.done;
      }),
    );

  lake
    .command('copy')
    .description(
      'copy a lake to another place, local or S3; run it again and it goes on where it broke off. Stop what writes to the ' +
        'source, or run it once more afterwards.',
    )
    .argument('<from>', 'a folder, or s3://bucket/prefix')
    .argument('<to>', 'a folder, or s3://bucket/prefix')
    .option('--prefix <folder>', 'only this folder of the lake, such as raw/records')
    .option('--checksum', 'compare content, not sizes alone, and read back what was copied')
    .option('--parallel <n>', 'files on their way at once', whole(1), 4)
    .action((from: string, to: string, options: { prefix?: string; checksum?: true; parallel: number }) =>
      run(async ({ config, signal, say, result }) => {
        const { makePrivate, openLake } = await import('../../../lake/index.ts');
        const { copyLake } = await import('../../lake/index.ts');
        const target = openLake(to);
        if (target.root === config.privateLake) await makePrivate(target.root);
        const summary = await copyLake({
          from: openLake(from),
          to: target,
          checksum: options.checksum ?? false,
          parallel: options.parallel,
          signal,
          ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
        });
        result(summary);
        say(
          `copied ${summary.copied} files, ${megabytes(summary.bytes)}, in ${summary.seconds.toFixed(1)} s; ${summary.kept} were there already`,
        );
        if (summary.gone > 0) say(`${summary.gone} went from the source before their turn came`);
        for (const file of summary.differ) say(`${file}: what was read back is not what was copied`);
        if (summary.stopped) say('stopped before the end: run it again to go on');
        if (summary.differ.length > 0) return EXIT.failed;
        return summary.stopped ? EXIT.partial : EXIT.done;
      }),
    );

  lake
    .command('lifecycle')
    .description(
      "print the lifecycle rules of the lake's bucket by prefix, for 'aws s3api put-bucket-lifecycle-configuration'",
    )
    .option('--private', 'of the private lake')
    .option('--infrequent-days <n>', 'days until records and feeds move to Standard-IA', whole(30), 60)
    .option('--noncurrent-days <n>', 'days that old versions of objects are kept', whole(1), 14)
    .option('--backup-days <n>', 'days that backups are kept', whole(1), 90)
    .action(
      (options: { private?: true; infrequentDays: number; noncurrentDays: number; backupDays: number }) =>
        run(async ({ config, say, result }) => {
          const { lifecycleOf } = await import('../../lake/index.ts');
          const rules = lifecycleOf(options.private ? config.privateLake : config.lake, {
            infrequent: options.infrequentDays,
            noncurrent: options.noncurrentDays,
            backups: options.backupDays,
          });
          say(JSON.stringify(rules, null, 2));
          result(rules);
          return EXIT.done;
        }),
    );
};
