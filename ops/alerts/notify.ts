import fs from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { openLake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { redact } from '../telemetry/index.ts';
import { alertKey, type Alert } from './alert.ts';
import { describeAlert } from './describe.ts';
import { alertErrors } from './errors.ts';

export interface NotifyOptions {
  config: Config;
  alerts: readonly Alert[];
  now?: () => number;
}

export interface Notified {
  /** Keys of alerts that somebody was told of now: new ones, and those that were told of a day ago. */
  told: string[];
  /** Keys of alerts that are over, which somebody was told as well. */
  over: string[];
}

/** What people were told, by alert; `alerts/told.json` of the lake. */
interface Told {
  [key: string]: { since_us: number; told_ms: number; severity: Alert['severity'] };
}

const toldPath = 'alerts/told.json';
const remindAfterMs = 24 * 3_600_000;
const timeoutMs = 60_000;

function message(config: Config, alerts: readonly Alert[], over: readonly string[], nowUs: number) {
  const pages = alerts.filter((alert) => alert.severity === 'page').length;
  const counts = [
    pages > 0 ? `${pages} to page` : null,
    alerts.length > pages ? `${alerts.length - pages} for a ticket` : null,
    over.length > 0 ? `${over.length} over` : null,
  ].filter((part) => part !== null);
  const subject = `Feedtrial ${config.study} on ${config.hostname}: ${counts.join(', ')}`;
  const lines = [
    ...alerts.flatMap((alert) => [...describeAlert(alert, nowUs), '']),
    ...over.map((key) => `OVER   ${key}`),
  ];
  return { subject, text: redact(`${subject}\n\n${lines.join('\n').trim()}\n`) };
}

async function postTo(url: string, body: unknown): Promise<void> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  } catch (error) {
    throw alertErrors.notSent('webhook', redact(describeError(error)), error);
  }
}

async function pipeTo(command: string, subject: string, text: string): Promise<void> {
  try {
    await execa(command, {
      shell: true,
      input: text,
      env: { FEEDTRIAL_ALERT_SUBJECT: subject },
      timeout: timeoutMs,
    });
  } catch (error) {
    throw alertErrors.notSent('command', redact(describeError(error)), error);
  }
}

async function readAside(file: string): Promise<Told> {
  const text = await fs.readFile(file, 'utf8').catch(() => null);
  return text === null ? {} : (JSON.parse(text) as Told);
}

/**
 * Tells whoever is configured of alerts that are new, of those that still fire after a day, and of those that are over.
 * What was told is kept in the lake only once it was taken: a message that got lost is sent again by the next call.
 * The webhook gets JSON with `text` (as chat services show it), `alerts` and `over`.
 * @throws FeedtrialError FT_ALERTS_NOWHERE, FT_ALERTS_NOT_SENT
 */
export async function notify({ config, alerts, now = Date.now }: NotifyOptions): Promise<Notified> {
  const { alertWebhook, alertCommand } = config;
  if (alertWebhook === undefined && alertCommand === undefined) throw alertErrors.nowhere();
  const lake = openLake(config.lake);
  // without the lake nobody knows what else fires: nothing is said to be over, and what is told is kept beside the spool
  const lakeIsDown = alerts.some(({ rule }) => rule === 'lake_down');
  const before = lakeIsDown ? null : await lake.read(toldPath);
  const aside = path.join(config.spool, '_alerts', 'told.json');
  const known: Told = {
    ...(before === null ? {} : (JSON.parse(Buffer.from(before).toString('utf8')) as Told)),
    ...(await readAside(aside)),
  };
  const nowMs = now();
  const news = alerts.filter((alert) => {
    const told = known[alertKey(alert)];
    return told === undefined || nowMs - told.told_ms >= remindAfterMs;
  });
  const firing = new Set(alerts.map(alertKey));
  const over = lakeIsDown ? [] : Object.keys(known).filter((key) => !firing.has(key));
  if (news.length === 0 && over.length === 0) return { told: [], over: [] };
  const { subject, text } = message(config, news, over, nowMs * 1000);
  if (alertWebhook !== undefined) await postTo(alertWebhook, { text, alerts: news, over });
  if (alertCommand !== undefined) await pipeTo(alertCommand, subject, text);
  const told: Told = Object.fromEntries(
    alerts.map((alert) => {
      const key = alertKey(alert);
      const { since_us, severity } = alert;
      return [
        key,
        { since_us, severity, told_ms: news.includes(alert) ? nowMs : (known[key]?.told_ms ?? nowMs) },
      ];
    }),
  );
  if (lakeIsDown) {
    await fs.mkdir(path.dirname(aside), { recursive: true });
    await fs.writeFile(aside, `${JSON.stringify(told)}\n`);
  } else {
    await lake.swap(toldPath, before, `${JSON.stringify(told)}\n`);
    await fs.rm(aside, { force: true });
  }
  return { told: news.map(alertKey), over };
}
