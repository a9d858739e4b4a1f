import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT } from '../../../errors/index.ts';
import type { RunCommand } from '../../command.ts';
import { isoTime, named, withStore } from './with-store.ts';

/** `study erase|erasures|receipt`: taking someone out of everything, and showing that it was done. */
export function registerErasure(study: Command, run: RunCommand): void {
  study
    .command('erase')
    .description(
      'take someone out of store, spool, lake, exports, warehouse and backups, and leave a receipt; killed, it goes on where it stopped',
    )
    .argument('<who>', 'DID, participant id, panel id, or the receipt id of an erasure that was begun')
    .option('--receipt <file>', 'write the receipt to this file as well')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((who: string, flags: { receipt?: string; study?: string }) =>
      run(async ({ config, say, result }) => {
        const { takeLease } = await import('../../../cycle/index.ts');
        const { land } = await import('../../../../extract/land/index.ts');
        const { openLake } = await import('../../../../lake/index.ts');
        const { newRunId } = await import('../../../telemetry/index.ts');
        const receipt = await withStore(config, (part, store) =>
          part.erase(store, {
            who,
            ...named(flags),
            land: () => land({ config, dag: 'study' }),
            holdCycle: () => takeLease({ lake: openLake(config.lake), name: 'cycle', runId: newRunId() }),
          }),
        );
        const text = `${JSON.stringify(receipt, null, 2)}\n`;
        if (flags.receipt !== undefined) await writeFile(flags.receipt, text, { mode: 0o600 });
        for (const { place, searched, rewritten, unsearched } of receipt.places) {
          const packed =
            unsearched.length === 0 ? '' : `; NOT searched, since packed: ${unsearched.join(', ')}`;
          say(`${place.padEnd(14)}  ${rewritten} files changed, ${searched} searched afterwards${packed}`);
        }
        say('warehouse       removed: the next cycle makes it anew from the lake');
        for (const each of receipt.not_reached) say(`not reached     ${each}`);
        say(
          `receipt ${receipt.receipt_id}${flags.receipt === undefined ? '' : ` in ${flags.receipt}`}; check it with 'feedtrial study receipt'`,
        );
        result(receipt);
        return receipt.places.some(({ unsearched }) => unsearched.length > 0) ? EXIT.partial : EXIT.done;
      }),
    );

  study
    .command('erasures')
    .description('which erasures there were, and which are not done')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const all = await withStore(config, (part, store) => part.listErasures(store, flags.study));
        for (const each of all)
          say(
            `${each.receipt_id}  begun ${isoTime(each.begun_us)}  ${each.done_us === null ? `NOT DONE: 'feedtrial study erase ${each.receipt_id}' goes on` : `done ${isoTime(each.done_us)}`}`,
          );
        say(`${all.length} erasures`);
        result(all);
        return all.some(({ done_us }) => done_us === null) ? EXIT.partial : EXIT.done;
      }),
    );

  study
    .command('receipt')
    .description("check an erasure's receipt, and with --did that nothing names the account now")
    .argument('<file>', 'the receipt')
    .option('--did <did>', 'the account that it should be of: everything is searched for it again')
    .action((file: string, flags: { did?: string }) =>
      run(async ({ config, say, result }) =>
        withStore(config, async (part, store) => {
          const receipt = part.parseReceipt(await readFile(file, 'utf8'));
          await part.checkReceipt(store, receipt, flags.did);
          say(`${receipt.receipt_id} is this study's, unchanged; done ${receipt.done_at}`);
          const found = flags.did === undefined ? null : await part.searchAccount(config, { did: flags.did });
          if (found !== null)
            say(
              found.length === 0
                ? 'it is of this account, and nothing here names it'
                : `it is of this account, and it is named again in: ${found.join(', ')}`,
            );
          result({ receipt_id: receipt.receipt_id, valid: true, named_in: found });
          return found === null || found.length === 0 ? EXIT.done : EXIT.failed;
        }),
      ),
    );
}
