import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';
import {
  checkClock,
  checkFileHandles,
  checkRegistration,
  checkStudySettings,
  checkTimezone,
} from './deployment.ts';
import { checkLabelers } from './labelers.ts';
import {
  checkDbt,
  checkDisk,
  checkDuckdb,
  checkNode,
  checkPlaces,
  checkPort,
  checkPython,
} from './machine.ts';
import { checkPlc, checkStream } from './network.ts';
import { checkLabelerNeeds, checkLlm, checkTraining } from './services.ts';
import { checkBuckets, checkStore } from './storage.ts';

/** Settings that are valid each by themselves and wrong together, or not meant for a deployment. */
export async function checkSettings(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [ok('settings', 'every variable is valid')];
  const isPublic = config.hostname !== 'localhost';
  if (!isPublic)
    findings.push(
      warn(
        'hostname',
        'localhost: the feed can be asked from this machine only',
        'set FEEDTRIAL_HOSTNAME to the name under which Bluesky will reach the server',
      ),
    );
  if (isPublic && config.allowLoopback)
    findings.push(
      fail(
        'loopback',
        'hosts that the network names may be on this machine',
        'unset FEEDTRIAL_ALLOW_LOOPBACK: it is for tests and the demo',
      ),
    );
  if (isPublic && config.publisherDid === undefined)
    findings.push(
      warn(
        'publisher',
        'FEEDTRIAL_PUBLISHER_DID is not set',
        'set it to the account that publishes the feed: its at:// URI begins with it',
      ),
    );
  if (isPublic && config.labelProfile === 'demo')
    findings.push(
      warn(
        'labels',
        'the demo precedence ranks by starter students',
        'set FEEDTRIAL_LABEL_PROFILE=study for a study',
      ),
    );
  return findings;
}

export interface ExamineOptions {
  config: Config;
  /** Leaves the network out: nothing is asked beyond this machine. */
  offline?: boolean;
  onFinding?: (finding: Finding) => void;
}

/** Looks at everything that a run needs, one after the other; a check that breaks is a finding of its own. */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  const { config, offline = false, onFinding = () => undefined } = options;
  const checks: [string, Check][] = [
    ['node', () => checkNode()],
    ['python', () => checkPython(config)],
    ['duckdb', () => checkDuckdb(config)],
    ['settings', () => checkSettings(config)],
    ['places', () => checkPlaces(config)],
    ['lake', () => checkBuckets(config)],
    ['study store', () => checkStore(config)],
    ['disk', () => checkDisk(config)],
    ['file handles', async () => checkFileHandles()],
    ['timezone', async () => checkTimezone()],
    ['dbt', () => checkDbt(config)],
    ['study', async () => checkStudySettings(config)],
    ['port', () => checkPort(config)],
    ['labelers', () => checkLabelers(config)],
    ['labeler needs', () => checkLabelerNeeds(config)],
    ['training', () => checkTraining(config)],
  ];
  if (!offline)
    checks.push(
      ['llm', () => checkLlm(config)],
      ['plc', () => checkPlc(config)],
      ['clock', () => checkClock(config)],
      ['feed', () => checkRegistration(config)],
      ['relay', () => checkStream('relay', config.relayUrl, 'FEEDTRIAL_RELAY_URL')],
      ['jetstream', () => checkStream('jetstream', config.jetstreamUrl, 'FEEDTRIAL_JETSTREAM_URL')],
    );
  const findings: Finding[] = [];
  for (const [name, check] of checks) {
    const found = await Promise.resolve(check()).catch((error: unknown) =>
      fail(
        name,
        describeError(error),
        "run 'npm ci', then 'npm run setup'; if it stays so, it is a bug of Feedtrial",
      ),
    );
    for (const finding of [found].flat()) {
      findings.push(finding);
      onFinding(finding);
    }
  }
  return findings;
}
