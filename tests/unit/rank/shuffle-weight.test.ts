import path from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';

// The macro is rendered by dbt's own engine; what stands in for dbt is the one function of its that the macro calls.
const render = `
import pathlib, sys
import jinja2
class Refused(Exception): pass
class Exceptions:
    def raise_compiler_error(self, message): raise Refused(message)
text = pathlib.Path('macros/experiment/shuffle_weight.sql').read_text()
template = jinja2.Environment(extensions=['jinja2.ext.do']).from_string(text + "{{ shuffle_weight('e.propensity', arm, evaluated) }}")
try:
    print(template.render(exceptions=Exceptions(), arm=sys.argv[1], evaluated=sys.argv[2]).strip())
except Refused as refused:
    print(refused)
    sys.exit(3)
`;

const weight = (arm: string, evaluated: string) =>
  execa(path.join(projectRoot, '.venv/bin/python'), ['-c', render, arm, evaluated], {
    cwd: projectRoot,
    reject: false,
  });

it('the weight of a place under the shuffle is for questions within an arm, and refuses to compare arms', async () => {
  const [within, across] = await Promise.all([
    weight('engagement', 'engagement'),
    weight('engagement', 'treatment'),
  ]);
  expect(within).toMatchObject({ exitCode: 0, stdout: '(1 / e.propensity)' });
  expect(across.exitCode).toBe(3);
  expect(across.stdout).toContain(
    "FT_OFF_POLICY: exposures of arm 'engagement' can't be weighed as if they were arm 'treatment'",
  );
  expect(across.stdout).toContain('A post that only the other arm shows has probability 0 here');
});
