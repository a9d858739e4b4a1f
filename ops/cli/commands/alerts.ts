import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('alerts')
    .description('what is wrong now, since when, and what to do about it')
    .option(
      '--notify',
      'tell whom FEEDTRIAL_ALERT_WEBHOOK and FEEDTRIAL_ALERT_COMMAND name of what is new or over',
    )
    .option('--check', 'exit with 1 where an alert fires that pages, for a monitor that asks')
    .addHelpText(
      'after',
      `
Alerts are rows of the model fct_alerts, which every cycle and 'feedtrial observe' compute; thresholds are rows of
seeds/alert_rules.csv. This reads them as Parquet, looks at the feed server, the disks and the spool itself, and counts an
observation that is too old as an alert: run it by a schedule of its own.`,
    )
    .action(async (options: { notify?: true; check?: true }) =>
      run(async ({ config, say, result }) => {
        const { describeAlerts, notify, readAlerts } = await import('../../alerts/index.ts');
        const found = await readAlerts({ config });
        for (const line of describeAlerts(found, Date.now() * 1000)) say(line);
        const notified = options.notify ? await notify({ config, alerts: found.alerts }) : null;
        if (notified !== null)
          say(
            notified.told.length + notified.over.length === 0
              ? 'nothing new to tell'
              : `told of ${notified.told.length} alerts, and that ${notified.over.length} are over`,
          );
        result({ ...found, ...(notified === null ? {} : { notified }) });
        const pages = found.alerts.some((alert) => alert.severity === 'page');
        return options.check && pages ? EXIT.failed : EXIT.done;
      }),
    );
};
