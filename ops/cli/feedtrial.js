#!/usr/bin/env node
// Starts the CLI on the Node 24 that npm installed here, whatever Node runs this launcher; the sources are TypeScript
// that Node 24 runs as they are.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = path.join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
if (!existsSync(binary)) {
  console.error(`FT_SETUP_NODE: Node 24 is not installed in ${root}\n  fix: run 'npm ci' there`);
  process.exit(2);
}
const child = spawn(
  binary,
  ['--disable-warning=ExperimentalWarning', path.join(root, 'ops/cli/main.ts'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
