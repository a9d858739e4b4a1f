import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { execaNode } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { land } from '../../../extract/land/index.ts';
import { listSealed, openEngine, readTable, tables } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Config } from '../../../ops/config/index.ts';
import { openExposureLog } from '../../../serve/exposures/log.ts';
import { temporaryFolder } from '../../folders.ts';
import { ask, authorOf, bury, loggedLines, openSite, postOf, tokenOf } from './site.ts';

/** `feedtrial serve` as a process of its own; killed when the test ends, however it ends. */
async function startProcess(config: Config) {
  const child = execaNode(path.join(projectRoot, 'ops/cli/main.ts'), ['--json', 'serve', '--port', '0'], {
    nodePath: process.execPath,
    reject: false,
    buffer: false,
    env: {
      FEEDTRIAL_LAKE: config.lake,
      FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
      FEEDTRIAL_SPOOL: config.spool,
      FEEDTRIAL_STUDY_DB: config.studyDb,
      FEEDTRIAL_PLC_URL: config.plcUrl,
      FEEDTRIAL_ALLOW_LOOPBACK: '1',
      FEEDTRIAL_SERVICE_DID: config.serviceDid,
      FEEDTRIAL_PUBLISHER_DID: config.publisherDid ?? '',
    },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.trimEnd().endsWith('\n}')) resolve();
    });
    void child.then(() => {
      reject(new Error(`the server ended before it listened: ${text}`));
    });
  });
  return { child, server: JSON.parse(text) as { url: string; generation: string } };
}

describe('a server that is killed', () => {
  it('loses no exposure of an answer that was given, and the next one seals what it left', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const { child, server } = await startProcess(site.config);
    const answered: string[] = [];
    const readers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const token = await tokenOf(account);
        const answer = await ask(server, token, { limit: '30' }).catch(() => null);
        if (answer === null) return; // the server is dead
        if (answer.status === 200) answered.push(answer.body.reqId ?? '');
      }
    });
    await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(100);
    child.kill('SIGKILL');
    await child;
    await Promise.all(readers);
    expect(loggedLines(site.config)).toEqual([]); // nothing was sealed before the kill

    const next = await site.start();
    const lines = loggedLines(site.config);
    const written = new Map(lines.map((line) => [line.req_id, line]));
    for (const reqId of answered) expect(written.has(reqId), reqId).toBe(true);
    expect(written.size).toBe(lines.length);
    expect(lines.length - answered.length).toBeLessThanOrEqual(8); // written, and killed before the reply
    for (const line of lines) expect(line.uris).toHaveLength(30);
    await next.close();
  });
});

describe('a server that is told to stop', () => {
  it('answers what is under way, seals its log, leaves its run record and exits with 0', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const { child, server } = await startProcess(site.config);
    const port = Number(new URL(server.url).port);
    const statuses: number[] = [];
    let stopping = false;
    let dropped = 0; // connections are refused only once it stops
    const readers = Array.from({ length: 4 }, async () => {
      for (;;) {
        const answer = await ask(server, null).catch(() => null);
        if (answer === null) {
          if (!stopping) dropped++;
          return;
        }
        statuses.push(answer.status);
      }
    });
    await expect.poll(() => statuses.length, { timeout: 30_000 }).toBeGreaterThan(20);
    const idle = connect(port, '127.0.0.1'); // a connection that asks nothing does not hold it up
    await once(idle, 'connect');
    stopping = true;
    child.kill('SIGTERM');
    const result = await child;
    await Promise.all(readers);
    idle.destroy();
    expect([result.exitCode, dropped]).toEqual([0, 0]);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(loggedLines(site.config).length).toBeGreaterThanOrEqual(statuses.length);
    const left = readdirSync(path.join(site.config.spool, 'serve')).filter((name) => name.endsWith('.open'));
    expect(left).toEqual([]);
    const runs = listSealed(site.config.spool)
      .filter(({ stream }) => stream === 'runs')
      .flatMap(({ file }) => readFileSync(file, 'utf8').split('\n').filter(Boolean))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ stage }) => stage === 'serve');
    expect(runs.map(({ status }) => status)).toEqual(['running', 'done']);
    expect(runs[1]?.records).toBe(loggedLines(site.config).length);
  });
});

describe('the exposure log', () => {
  const line = (n: number) => ({ t: 'exposure', n });

  it('of several servers on one spool goes to streams of their own, and none touches the segment of another that lives', async () => {
    const spool = temporaryFolder();
    const first = openExposureLog({ spool });
    await first.write(line(1));
    const second = openExposureLog({ spool });
    expect([first.stream, second.stream]).toEqual(['serve', 'serve-2']);
    await second.write(line(2));
    const third = openExposureLog({ spool });
    const open = (stream: string) => readdirSync(path.join(spool, stream)).filter((n) => n.endsWith('.open'));
    expect([open('serve'), open('serve-2')].map((names) => names.length)).toEqual([1, 1]);
    await second.close();
    const fourth = openExposureLog({ spool });
    expect(fourth.stream).toBe('serve-2'); // the first free place
    for (const log of [first, third, fourth]) await log.close();
    expect(loggedLines({ spool } as Config).map((l) => l.n)).toEqual([1, 2]);
  });

  it('writes all lines of a turn at once and has them in the file before it says so', async () => {
    const spool = temporaryFolder();
    const log = openExposureLog({ spool });
    await Promise.all(Array.from({ length: 100 }, (_, n) => log.write(line(n))));
    const [name] = readdirSync(path.join(spool, 'serve')).filter((n) => n.endsWith('.open'));
    expect(readFileSync(path.join(spool, 'serve', name ?? ''), 'utf8').split('\n')).toHaveLength(101);
    await log.close();
  });

  it('lands as one row a position, at the place that it had in the feed', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant], 10);
    const author = authorOf(participant);
    await bury(site.lake, [{ kind: 'record', did: `did:plc:${author}`, uri: postOf(author, 'g1', 4) }], 's');
    const server = await site.start();
    const first = await ask(server, await tokenOf(account), { limit: '5' });
    await ask(server, await tokenOf(account), { limit: '5', cursor: first.body.cursor ?? '' });
    await ask(server, null, { cursor: 'g1:default:10' });
    await server.close();
    await land({ config: site.config });
    const engine = await openEngine({ threads: 1 });
    try {
      const rows = await engine.rows(
        `SELECT participant_id, feed_offset, position, uri, fallback_reason FROM ${readTable(site.lake, tables.exposures)}
         ORDER BY served_us, position`,
      );
      expect(
        rows.map((r) => [r.participant_id, r.feed_offset, r.position, r.uri, r.fallback_reason]),
      ).toEqual([
        ...[1, 2, 3, 5, 6].map((n) => [participant.participant_id, 0, n, postOf(author, 'g1', n), null]),
        ...[7, 8, 9, 10].map((n) => [participant.participant_id, 6, n, postOf(author, 'g1', n), null]),
        [null, 10, null, null, 'anonymous'],
      ]);
    } finally {
      await engine.close();
    }
  });

  it('says that it is not well while the disk refuses it, and the reader is not shown what the study can not know', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    rmSync(path.join(site.config.spool, 'serve'), { recursive: true }); // the next segment can't be opened
    const refused = await ask(server, null);
    expect([refused.status, refused.body.error, refused.body.feed]).toEqual([503, 'Unavailable', undefined]);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);
    mkdirSync(path.join(site.config.spool, 'serve'));
    expect((await ask(server, null)).status).toBe(200);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });
});
