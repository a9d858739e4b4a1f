import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const share = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('expected a number from 0 to 1');
  return value;
};
const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
};

interface Options {
  gold: string;
  label?: string;
  threshold: number;
  minRecall: number;
  textColumn: string;
  labelColumn: string;
  postsPerPrompt?: number;
}

export const register: Register = (program, run) => {
  program
    .command('eval')
    .description(
      'compare a labeler with what people said: precision, recall and F1 with 95% intervals; exit 4 where recall misses its gate',
    )
    .argument('<labeler>', 'labeler to ask, such as llm_sociopolitical')
    .requiredOption(
      '--gold <file>',
      'CSV with a text and a yes or no (1 or 0) in each row; rows without an answer are left out',
    )
    .option('--label <name>', "label that is judged; the labeler's first by default")
    .option('--threshold <p>', 'a score as high as this is a yes', share, 0.5)
    .option('--min-recall <p>', 'recall that must be reached', share, 0.8)
    .option('--text-column <name>', 'column with the text', 'text')
    .option('--label-column <name>', "column with people's answer", 'label')
    .option('--posts-per-prompt <n>', 'put n posts into each prompt of an LLM; one by default', wholeNumber)
    .action(async (labeler: string, options: Options) =>
      run(async ({ config, signal, say, result }) => {
        const { evaluateLabeler } = await import('../../../enrich/index.ts');
        const found = await evaluateLabeler({
          config,
          labeler,
          gold: options.gold,
          columns: { text: options.textColumn, label: options.labelColumn },
          ...(options.label === undefined ? {} : { label: options.label }),
          threshold: options.threshold,
          minRecall: options.minRecall,
          ...(options.postsPerPrompt === undefined ? {} : { postsPerPrompt: options.postsPerPrompt }),
          signal,
        });
        const figure = (one: { value: number; low: number; high: number } | null): string =>
          one === null
            ? 'undefined'
            : `${one.value.toFixed(3)} [${one.low.toFixed(3)}, ${one.high.toFixed(3)}]`;
        if (found.caveat !== null) say(`PLUMBING, NOT A MEASUREMENT: ${found.caveat}`);
        say(`${found.labeler} ${found.version}, label ${found.label}, yes from ${found.threshold}`);
        say(
          `${found.rows} posts, ${found.positives} of them positive by people, ${found.unanswered} unanswered (counted as no)`,
        );
        say(
          `  precision  ${figure(found.precision)}   ${found.truePositives} right of ${found.truePositives + found.falsePositives} said`,
        );
        say(`  recall     ${figure(found.recall)}   ${found.truePositives} found of ${found.positives}`);
        say(`  F1         ${figure(found.f1)}`);
        if (found.auc !== null) say(`  AUC        ${figure(found.auc)}`);
        say(
          found.passed
            ? `recall reaches its gate of ${found.minRecall}`
            : `recall misses its gate of ${found.minRecall}: lower --threshold, or use another labeler`,
        );
        result({ ...found, isMeasurement: found.caveat === null });
        return found.passed ? EXIT.done : EXIT.refused;
      }),
    );
};
