import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  const train = program.command('train').description('train the local students that label posts');
  train
    .command('starter')
    .description('train the starter students from published research data and write weights and model cards')
    .option('--data <folder>', 'folder with toxicity/ and pilot/', process.env['FEEDTRIAL_DATA'])
    .option('--out <folder>', "where weights and cards go; the checkout's own by default")
    .action(async (options: { data?: string; out?: string }) =>
      run(async ({ config, say, result }) => {
        const { trainStarter } = await import('../../../enrich/index.ts');
        const { enrichErrors } = await import('../../../enrich/errors.ts');
        if (options.data === undefined) throw enrichErrors.dataMissing('(no folder was given)');
        const trained = await trainStarter({
          config,
          data: options.data,
          ...(options.out === undefined ? {} : { out: options.out }),
        });
        for (const { label, version } of trained) say(`${label}: version ${version}`);
        result(trained);
        return EXIT.done;
      }),
    );

  train
    .command('student')
    .description(
      "distil a student from its teacher's labels in the lake; one that is no better is refused (exit 4)",
    )
    .argument('<label>', 'toxic, reasoning, moral_outrage or sociopolitical')
    .option('--teacher <labeler:label>', 'learn from this labeler and label instead of its usual teacher')
    .option('--gold <file>', "CSV with people's answers (text, label) to measure it on as well")
    .option('--force', 'replace the student that is in place also where the new one is no better')
    .option('--out <folder>', 'where weights and card go; FEEDTRIAL_STUDENTS by default')
    .action(
      async (label: string, options: { teacher?: string; gold?: string; force?: boolean; out?: string }) =>
        run(async ({ config, signal, say, result }) => {
          const { checkTrainable, trainStudent } = await import('../../../enrich/index.ts');
          const { enrichErrors } = await import('../../../enrich/errors.ts');
          const [labeler, of, ...more] = options.teacher?.split(':') ?? [];
          if (options.teacher !== undefined && (!labeler || !of || more.length > 0))
            throw enrichErrors.badTeacher(options.teacher);
          await checkTrainable(label, config);
          const { withTrainingExamples } = await import('../../train/index.ts');
          const trained = await withTrainingExamples({ config, signal }, (examples) =>
            trainStudent({
              config,
              label,
              examples,
              ...(labeler && of ? { teacher: { labeler, label: of } } : {}),
              ...(options.gold === undefined ? {} : { gold: options.gold }),
              ...(options.out === undefined ? {} : { out: options.out }),
              force: options.force ?? false,
            }),
          );
          const { report } = trained;
          const figure = ({ value, low, high }: { value: number; low: number; high: number }) =>
            `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
          say(
            `${trained.label}: learned from ${report.trained} posts, measured on ${report.heldOut} later ones by other people`,
          );
          if (report.spearman) say(`  Spearman with the teacher ${figure(report.spearman)}`);
          if (report.auc) say(`  AUC against the teacher ${figure(report.auc)}`);
          if (report.people) say(`  AUC against people ${figure(report.people)}`);
          if (report.gain) say(`  gained over the one in place ${figure(report.gain)}`);
          say(`  written to ${trained.file}, with its card beside it`);
          say(
            `to use it: set the version of ${trained.labeler} in seeds/labelers.csv to ${trained.version} (and in_study to true), then run 'feedtrial transform'`,
          );
          result(trained);
          return EXIT.done;
        }),
    );
};
