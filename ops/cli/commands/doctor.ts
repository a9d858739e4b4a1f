import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const marks = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

export const register: Register = (program, run) => {
  program
    .command('doctor')
    .description('check every prerequisite and setting, and say how to correct what is wrong')
    .option('--offline', 'ask nothing beyond this machine')
    .action(async (options: { offline?: boolean }) =>
      run(async ({ config, say, result }) => {
        const { examine } = await import('../../doctor/index.ts');
        const findings = await examine({
          config,
          offline: options.offline ?? false,
          onFinding: ({ name, state, found, fix }) => {
            say(`${marks[state]}  ${name.padEnd(26)} ${found}`);
            if (fix !== null) say(`${' '.repeat(33)}fix: ${fix}`);
          },
        });
        const failed = findings.filter((finding) => finding.state === 'fail').length;
        say(failed === 0 ? 'nothing is in the way' : `${failed} to correct`);
        result(findings);
        return failed === 0 ? EXIT.done : EXIT.failed;
      }),
    );
};
