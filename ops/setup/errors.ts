import { EXIT, FeedtrialError } from '../errors/index.ts';

export const setupErrors = {
  node: (found: string) =>
    new FeedtrialError('FT_SETUP_NODE', `expected Node 24 or later, this is Node ${found}`, {
      fix: "run 'npm ci', then start it by 'npm run setup': npm puts its own Node 24 first",
      exitCode: EXIT.usage,
    }),
  python: (tried: string[]) =>
    new FeedtrialError(
      'FT_SETUP_PYTHON',
      `expected Python 3.11 or later with its venv module, found none:\n${tried.map((t) => `  ${t}`).join('\n')}`,
      {
        fix: "install one, such as 'apt install python3 python3-venv' on Debian or 'brew install python@3.13' on macOS",
        exitCode: EXIT.usage,
      },
    ),
  install: (lines: string) =>
    new FeedtrialError('FT_SETUP_PIP', `the Python packages could not be installed:\n${lines}`, {
      fix: "see to what pip says above (most often the network or a full disk), then run 'npm run setup' again",
    }),
  environment: (lines: string) =>
    new FeedtrialError('FT_SETUP_VENV', `.venv could not be made:\n${lines}`, {
      fix: "see to what is said above, then run 'npm run setup' again; on Debian 'apt install python3-venv'",
    }),
};
