/**
 * `npm run setup`: makes a checkout ready after `npm ci`. `npm run demo` and `npm test` call it first. It runs before
 * anything else is there, so it imports nothing but node_modules and what needs nothing itself.
 */
import path from 'node:path';
import { EXIT, FeedtrialError, describeError } from '../errors/index.ts';
import { preparePython } from './environment.ts';
import { setupErrors } from './errors.ts';

const root = path.resolve(import.meta.dirname, '../..');

try {
  if (Number(process.versions.node.split('.')[0]) < 24) throw setupErrors.node(process.versions.node);
  const { state, seconds } = await preparePython({ root });
  if (state !== 'ready') process.stderr.write(`setup: done in ${seconds.toFixed(0)} s\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  if (error instanceof FeedtrialError && error.fix) process.stderr.write(`  fix: ${error.fix}\n`);
  process.exitCode = error instanceof FeedtrialError ? error.exitCode : EXIT.failed;
}
