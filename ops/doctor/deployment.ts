import { readFileSync } from 'node:fs';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { fail, ok, warn, type Finding } from './check.ts';

const enoughFiles = 4_096;
const fewFiles = 1_024;

/** Open files that one process may have, as Linux says; null elsewhere, or where there is no limit. */
function openFileLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined || soft === 'unlimited' ? null : Number(soft);
  } catch {
    return null;
  }
}

/** Every reader's connection is a file, and so is every Parquet file that a query reads. */
export function checkFileHandles(limit = openFileLimit()): Finding {
  const fix =
    "raise it: LimitNOFILE= in the unit, 'ulimit -n' in a script, nofile in /etc/security/limits.conf";
  if (limit === null) return ok('file handles', 'no limit');
  const text = `${limit} a process`;
  if (limit < fewFiles) return fail('file handles', text, fix);
  return limit < enoughFiles ? warn('file handles', text, fix) : ok('file handles', text);
}

/** Where nothing but UTC is written, a zone can't be wrong; one that doesn't exist is taken for UTC in silence. */
export function checkTimezone(zone = process.env.TZ): Finding {
  if (zone === undefined || zone === '' || zone.startsWith(':') || zone.startsWith('/'))
    return ok('timezone', `${Intl.DateTimeFormat().resolvedOptions().timeZone}; all that is written is UTC`);
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return ok('timezone', `${zone}; all that is written is UTC`);
  } catch {
    return warn(
      'timezone',
      `TZ names '${zone}', which is no zone`,
      'set TZ to a zone such as Europe/Berlin, or unset it: cron would start nightly jobs at another hour than you think',
    );
  }
}

const clockWarnS = 5;
const clockFailS = 60;

/** Compares this machine's clock with that of a server which is asked anyway. */
export async function checkClock(config: Config, now: () => number = Date.now): Promise<Finding[]> {
  let date: string | null;
  const askedMs = now();
  try {
    const answer = await fetch(`${config.plcUrl}/_health`, { signal: AbortSignal.timeout(5_000) });
    date = answer.headers.get('date');
  } catch {
    return []; // that it can't be reached is another finding
  }
  const theirs = Date.parse(date ?? '');
  if (!Number.isFinite(theirs)) return [];
  // a Date header is cut to the second, and the answer took its time
  const between = (askedMs + now()) / 2;
  const offS = Math.max(0, Math.abs(between - theirs - 500) - (now() - askedMs) / 2 - 500) / 1000;
  const host = new URL(config.plcUrl).host;
  const text = `${offS.toFixed(1)} s from ${host}`;
  const fix = 'keep it by chrony or systemd-timesyncd: tokens are judged and events are dated by it';
  if (offS > clockFailS) return [fail('clock', text, fix)];
  return [offS > clockWarnS ? warn('clock', text, fix) : ok('clock', text)];
}

/** What a study with a public name should have set. */
export function checkStudySettings(config: Config): Finding[] {
  if (config.hostname === 'localhost') return [];
  const findings: Finding[] = [];
  if (config.backup === undefined)
    findings.push(
      warn(
        'backup',
        'nothing is backed up',
        "set FEEDTRIAL_BACKUP to a folder on another disk, and schedule 'feedtrial backup'",
      ),
    );
  if (config.alertWebhook === undefined && config.alertCommand === undefined)
    findings.push(warn('alerts', 'nobody is told', 'set FEEDTRIAL_ALERT_WEBHOOK or FEEDTRIAL_ALERT_COMMAND'));
  if (!process.env.FEEDTRIAL_EXPORT_KEY)
    findings.push(
      warn(
        'export key',
        'pseudonyms of exports have no key',
        "set FEEDTRIAL_EXPORT_KEY to 32 random characters or more, one a release, such as 'openssl rand -hex 32' gives",
      ),
    );
  return findings;
}

/** Whether Bluesky can find the feed: the server's DID document, what answers there, and the feed's published record. */
export async function checkRegistration(config: Config): Promise<Finding[]> {
  const { hostname, publisherDid, feedRkey, serviceDid, plcUrl, allowLoopback } = config;
  if (hostname === 'localhost' || publisherDid === undefined) return [];
  const { serviceProblem } = await import('../../serve/index.ts');
  const { resolveDid } = await import('../../study/index.ts');
  const { fetchJson } = await import('../fetch/index.ts');
  const collection = 'app.bsky.feed.generator';
  const uri = `at://${publisherDid}/${collection}/${feedRkey}`;
  const problem = await serviceProblem(config, uri);
  const findings = [
    problem === null
      ? ok('did document', `${serviceDid} leads to this feed`)
      : warn('did document', problem, 'see docs/deploy.md, "The public name"'),
  ];
  try {
    const document = (await resolveDid(publisherDid, { plcUrl, allowLoopback })) as {
      service?: { id?: string; serviceEndpoint?: unknown }[];
    };
    const pds = document.service?.find(({ id }) => id?.endsWith('#atproto_pds'))?.serviceEndpoint;
    if (typeof pds !== 'string') throw new Error('its document names no server');
    const url = new URL('/xrpc/com.atproto.repo.getRecord', pds);
    for (const [name, value] of Object.entries({ repo: publisherDid, collection, rkey: feedRkey }))
      url.searchParams.set(name, value);
    const { value } = (await fetchJson(url, { publicOnly: !allowLoopback })) as {
      value?: { did?: unknown };
    };
    findings.push(
      value?.did === serviceDid
        ? ok('feed', uri)
        : fail(
            'feed',
            `${uri} is served by ${String(value?.did)}, not by ${serviceDid}`,
            "register it anew: 'feedtrial feeds register --name NAME'",
          ),
    );
  } catch (error) {
    findings.push(
      warn(
        'feed',
        `${uri} is not published: ${describeError(error)}`,
        "publish it: 'feedtrial feeds register --name NAME'; without it nobody can add the feed",
      ),
    );
  }
  return findings;
}
