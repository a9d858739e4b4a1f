/**
 * `npm run demo`: from nothing to feeds that were captured, labelled, ranked, served and asked for. All state is in
 * `.demo/` of the checkout, made anew each time.
 */
import path from 'node:path';
import { projectRoot } from '../config/config.ts';
import { dbtFolders } from '../dbt/index.ts';
import { EXIT, FeedtrialError, describeError } from '../errors/index.ts';
import { startTelemetry } from '../telemetry/index.ts';
import { compareArms } from './compare.ts';
import { claimFolder, demoConfig, temporaryFolderOf, writeEnvironment } from './folder.ts';
import { demoHelp, readOptions } from './options.ts';
import { freePortOr } from './port.ts';
import { bringUp } from './run.ts';

const folder = path.join(projectRoot, '.demo');
const shown = (file: string): string => path.relative(process.cwd(), file) || '.';

async function main(signal: AbortSignal): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(demoHelp);
    return;
  }
  const startedMs = Date.now();
  const say = (line: string): void => {
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(0).padStart(4);
    process.stdout.write(line.startsWith('  ') ? `        ${line.trimStart()}\n` : `${seconds} s  ${line}\n`);
  };
  const giveBack = claimFolder(folder);
  try {
    const config = demoConfig(folder);
    const telemetry = await startTelemetry(config);
    const demo = await bringUp({
      config,
      folder: temporaryFolderOf(folder),
      source: options.live ? { liveSeconds: options.seconds } : { seed: options.seed },
      port: options.portGiven ? options.port : await freePortOr(options.port),
      say,
      signal,
    });
    try {
      writeEnvironment(folder, {
        FEEDTRIAL_PORT: String(demo.server.port),
        ...(demo.miniature
          ? { FEEDTRIAL_PLC_URL: demo.config.plcUrl, FEEDTRIAL_RELAY_URL: demo.config.relayUrl }
          : {}),
      });
      say('asking for the feeds of one participant an arm');
      const comparison = await compareArms(demo);
      process.stdout.write(
        `\n${comparison.format({ columns: process.stdout.columns || 168, positions: 12, color: process.stdout.isTTY })}\n`,
      );
      say('writing the documentation of the models');
      await demo.dbt.run({ command: 'docs', signal });
      const docs = path.join(dbtFolders(demo.config).target, 'index.html');
      const feed = `${demo.server.url}/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(demo.server.feedUri)}`;
      process.stdout.write(
        [
          '',
          `done in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`,
          `  the lake        ${shown(demo.config.lake)}`,
          `  the models      ${shown(docs)}  (dbt docs: open it in a browser)`,
          `  the feed        ${feed}`,
          `                  without a token this is the default feed`,
          `  the CLI on it   source ${shown(path.join(folder, 'env'))} && npm run -s feedtrial -- status`,
          '',
        ].join('\n'),
      );
      if (!options.exit && !signal.aborted) {
        process.stdout.write('\nserving until Ctrl-C\n');
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
      }
    } finally {
      process.stdout.write('\nstopping: the server drains and what it sent is landed\n');
      await demo.close();
      await telemetry.shutdown();
    }
  } finally {
    giveBack();
  }
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(EXIT.failed);
    stop.abort();
  });
try {
  await main(stop.signal);
} catch (error) {
  if (stop.signal.aborted) process.stderr.write('stopped\n');
  else {
    process.stderr.write(`${describeError(error)}\n`);
    if (error instanceof FeedtrialError && error.fix) process.stderr.write(`  fix: ${error.fix}\n`);
    else if (error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
  }
  process.exitCode = error instanceof FeedtrialError ? error.exitCode : EXIT.failed;
}
// a handle that a library left open must not keep a finished demo alive
setTimeout(() => process.exit(), 2_000).unref();
