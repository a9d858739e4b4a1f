import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { backfillRepositories } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startFakeNetwork } from './fake-pds.ts';
import { landedRows, standing, type LandedRecord } from './rows.ts';

silenceProgress();

/** What a row says, without when it was fetched and from which segment. */
const said = (rows: LandedRecord[]): string[] =>
  rows
    .map(({ did, collection, rkey, operation, cid, rev, record, event_us }) =>
      [did, collection, rkey, operation, cid, rev, record, event_us].join(' '),
    )
    .sort();

describe('a backfill that is killed', () => {
  it('ten times gives what one gives that never was, and nothing twice', async () => {
    const network = await startFakeNetwork();
    const dids: string[] = [];
    for (let i = 0; i < 14; i++) dids.push((await network.account(40 + 10 * i)).did);
    const whole = configIn(temporaryFolder());
    await backfillRepositories({ config: whole, plcUrl: network.plc.url, dids });
    const expected = said(await landedRows<LandedRecord>(whole, 'records'));

    const folder = temporaryFolder();
    const config = configIn(folder);
    const run = async (steps: number): Promise<number | null> => {
      const child = spawn(
        process.execPath,
        [path.join(import.meta.dirname, 'dying.ts'), network.plc.url, String(steps), ...dids],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: {
            ...process.env,
            FEEDTRIAL_LAKE: config.lake,
            FEEDTRIAL_SPOOL: config.spool,
            FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
            FEEDTRIAL_ALLOW_LOOPBACK: '1',
            NODE_NO_WARNINGS: '1',
          },
        },
      );
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    };
    // between fetching and writing, and just after writing, in turn; two runs do little more than begin
    for (const steps of [1, 2, 3, 2, 1, 4, 3, 2, 5, 1]) expect(await run(steps)).toBeNull();
    expect(await run(0)).toBe(0);
    expect(said(await landedRows<LandedRecord>(config, 'records'))).toEqual(expected);
    // what was done by one run was not asked for by the next
    const outcomes = await landedRows<{ did: string; outcome: string }>(config, 'backfills');
    expect(outcomes.map(({ did, outcome }) => `${did} ${outcome}`).sort()).toEqual(
      dids.map((did) => `${did} done`).sort(),
    );
    expect(fs.readdirSync(path.join(config.spool, '_backfill'))).toEqual([]);
  });

  it('within a repository leaves nothing of it, and what came before', async () => {
    const network = await startFakeNetwork();
    const [first, second] = [await network.account(50), await network.account(80)];
    const config = configIn(temporaryFolder());
    await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids: [first.did, second.did],
      hostLimits: { concurrency: 1 },
    });
    // as it would lie there had the process died while it wrote the second: cut at every kind of place
    const stream = path.join(config.spool, 'backfill');
    const sealed = fs.readdirSync(stream).find((name) => name.endsWith('.ndjson')) ?? '';
    const whole = fs.readFileSync(path.join(stream, sealed));
    fs.rmSync(path.join(stream, sealed.replace('.ndjson', '.seal.json')));
    fs.renameSync(path.join(stream, sealed), path.join(stream, sealed.replace('.ndjson', '.open')));
    const lines = whole.toString('utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(132);
    const endOf = (n: number): number => Buffer.byteLength(`${lines.slice(0, n).join('\n')}\n`);
    const cut = endOf(100) + 17; // inside a line of the second
    fs.truncateSync(path.join(stream, sealed.replace('.ndjson', '.open')), cut);
    // the next run of anything takes it out
    const third = await network.account(5);
    await backfillRepositories({ config, plcUrl: network.plc.url, dids: [third.did] });
    const counts = new Map<string, number>();
    for (const { did } of await landedRows<LandedRecord>(config, 'records'))
      counts.set(did, (counts.get(did) ?? 0) + 1);
    const begun = (JSON.parse(lines[0] ?? '{}') as { did: string }).did;
    expect(counts).toEqual(
      new Map([
        [begun, begun === first.did ? 50 : 80],
        [third.did, 5],
      ]),
    );
  });
});

describe('a backfill that is done again', () => {
  it('asks only whether anything is new, and writes only that', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const made = await network.account(60);
    const options = { config, plcUrl: network.plc.url, dids: [made.did] };
    expect((await backfillRepositories(options)).written).toBe(60);
    await landedRows(config, 'records');
    const second = await backfillRepositories(options);
    expect(second.outcomes).toMatchObject({ unchanged: 1, done: 0 });
    expect(network.pds.asked.map(({ method }) => method)).toEqual([
      'com.atproto.sync.getRepo',
      'com.atproto.sync.getLatestCommit',
    ]);
    const third = await backfillRepositories({ ...options, again: true });
    expect(third.outcomes).toMatchObject({ done: 1 });
    expect(third).toMatchObject({ records: 60, written: 0, deleted: 0 });
    expect((await standing(config)).size).toBe(60);
  });
});
