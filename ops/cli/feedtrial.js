#!/usr/bin/env node
// Starts the CLI on the Node 24 that npm installed here, whatever Node runs this launcher; the sources are TypeScript
// that Node 24 runs as they are. What they compile to is kept beside the packages, in a folder as trusted as the sources, so
// that every start but the first takes little more than half the time.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = path.join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
if (!existsSync(binary)) {
  console.error(`FT_SETUP_NODE: Node 24 is not installed in ${root}\n  fix: run 'npm ci' there`);
  process.exit(2);
}
if (realpathSync(process.execPath) === realpathSync(binary)) {
  module.enableCompileCache(path.join(root, 'node_modules/.cache/feedtrial'));
  await import('./main.ts');
} else {
  const child = spawn(
    binary,
    ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}
