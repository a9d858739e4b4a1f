import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { fail, ok, warn, type Finding } from './check.ts';
import { readSeed } from './labelers.ts';
import { checkWritable } from './machine.ts';

/** Days before a labeler's last one from which on it is worth a word. */
const soonDays = 60;
const dayMs = 86_400_000;

/**
 * What labelers need beyond this checkout, of those that the label profile asks: keys, a student that was trained, and an
 * end that is not near. None of it stops a cycle: whoever follows in seeds/label_precedence.csv fills in.
 */
export async function checkLabelerNeeds(config: Config, nowMs = Date.now()): Promise<Finding[]> {
  const { labelers } = await import('../../enrich/index.ts');
  const asked = readSeed(config.projectRoot, 'labelers.csv').filter(
    (row) => row[config.labelProfile === 'demo' ? 'in_demo' : 'in_study'] === 'true',
  );
  const precedence = readSeed(config.projectRoot, 'label_precedence.csv').filter(
    (row) => row['profile'] === config.labelProfile,
  );
  const findings: Finding[] = [];
  for (const row of asked) {
    const labeler = labelers.find(({ name }) => name === row['labeler']);
    if (labeler === undefined) continue;
    const name = `ask ${labeler.name}`;
    const until = row['asked_until'] ?? '';
    const leftDays =
      until === '' ? Infinity : Math.floor(Date.parse(`${until}T24:00:00Z`) / dayMs - nowMs / dayMs);
    const reason = labeler.notReady?.(config) ?? null;
    if (leftDays < 0)
      findings.push(ok(name, `ended on ${until}: who follows in seeds/label_precedence.csv fills in`));
    else if (reason !== null)
      findings.push(warn(name, `${reason.message}: it is passed over`, reason.fix ?? 'see docs/labelers.md'));
    else if (leftDays <= soonDays)
      findings.push(
        warn(
          name,
          `ends on ${until}, in ${leftDays} days`,
          "see docs/when-perspective-closes.md; 'feedtrial labels switch-over' says what will shift",
        ),
      );
    else findings.push(ok(name, 'can be asked'));
  }
  for (const label of new Set(precedence.map((row) => row['label'] ?? ''))) {
    const places = precedence.filter((row) => row['label'] === label);
    const lasting = places.filter((place) => {
      const row = asked.find((one) => one['labeler'] === place['labeler']);
      return row !== undefined && row['asked_until'] === '' && row['version'] !== 'untrained';
    });
    if (lasting.length === 0)
      findings.push(
        warn(
          `label ${label}`,
          `nobody who gives it in profile '${config.labelProfile}' stays: ${places.map((place) => place['labeler']).join(', ')}`,
          `train a follower ('feedtrial train student …'), and set its version in seeds/labelers.csv`,
        ),
      );
  }
  return findings;
}

/** `train student` writes to a folder of its own. */
export async function checkTraining(config: Config): Promise<Finding[]> {
  return [await checkWritable('students', config.studentsFolder)];
}

/** Asks the LLM endpoint which models it has: free, and tells a wrong address, key or model before a run does. */
export async function checkLlm(config: Config): Promise<Finding[]> {
  if (config.llmKey === undefined) return [];
  const { llmModels } = await import('../../enrich/index.ts');
  const host = new URL(config.llmUrl).host;
  let status: number;
  let models: string[];
  try {
    const response = await fetch(`${config.llmUrl}/models`, {
      headers: { authorization: `Bearer ${config.llmKey}` },
      redirect: 'error', // the key is not for wherever a redirect leads
      signal: AbortSignal.timeout(10_000),
    });
    status = response.status;
    const body = response.ok ? ((await response.json()) as { data?: { id?: unknown }[] }) : {};
    models = (body.data ?? []).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
  } catch (error) {
    return [warn('llm', `${host}: ${describeError(error)}`, 'see FEEDTRIAL_LLM_URL and the network')];
  }
  if (status === 401 || status === 403)
    return [fail('llm', `${host} refuses the key (HTTP ${status})`, 'set FEEDTRIAL_LLM_KEY anew')];
  if (status !== 200 || models.length === 0)
    return [warn('llm', `${host} does not say which models it has (HTTP ${status})`, 'try enrich --limit 1')];
  return llmModels(config).map((model) =>
    models.includes(model)
      ? ok('llm', `${host} has ${model}`)
      : fail('llm', `${host} has no model ${model}`, 'set FEEDTRIAL_LLM_MODEL to one of its models'),
  );
}
