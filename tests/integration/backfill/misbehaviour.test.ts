import { describe, expect, it } from 'vitest';
import { backfillRepositories, type BackfillOptions } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { makeRepository } from '../../backfill-repositories.ts';
import { documentOf, nthDid, startFakeNetwork, type Behaviour } from './fake-pds.ts';
import { landedRows, standing, type LandedRecord } from './rows.ts';

silenceProgress();

const impatient: Partial<BackfillOptions> = {
  patience: { attempts: 3, firstWaitMs: 10, longestWaitMs: 5_000 },
  hostLimits: { perSecond: 1_000, burst: 1_000, concurrency: 4 },
  idleMs: 2_000,
  totalMs: 4_000,
};

interface BackfillRow {
  did: string;
  outcome: string;
  reason: string | null;
  attempts: number;
  records: bigint | null;
}

/** What came of each account: 'outcome reason attempts'. */
const cameOf = (rows: BackfillRow[]): Map<string, string> =>
  new Map(
    rows.map(
      ({ did, outcome, reason, attempts }) => [did, `${outcome} ${reason ?? '-'} ${attempts}`] as const,
    ),
  );

describe('a server that misbehaves', () => {
  it('leaves a row with a reason, and nothing of the repository', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const again = `/xrpc/com.atproto.sync.getRepo?did=${nthDid(9)}`;
    const cases: [Behaviour, string][] = [
      ['good', 'done - 1'],
      ['silent', 'failed timeout 3'],
      ['dripping', 'failed timeout 3'],
      ['cut off', 'failed truncated 3'],
      ['claims to be longer', 'failed truncated 3'],
      ['claims to be shorter', 'failed truncated 3'],
      ['flips a byte', 'failed cid_mismatch 3'],
      [{ status: 404 }, 'failed http_status 1'],
      [{ status: 302, headers: { location: again } }, 'failed redirected 1'],
      [{ status: 500 }, 'failed http_status 3'],
      [{ status: 503 }, 'failed http_status 3'],
      [{ status: 400, body: { error: 'RepoDeactivated' } }, 'absent repo_deactivated 1'],
      [{ status: 400, body: { error: 'RepoTakendown' } }, 'absent repo_takendown 1'],
      [{ status: 400, body: { error: 'RepoSuspended' } }, 'absent repo_suspended 1'],
      [{ status: 400, body: { error: 'RepoNotFound' } }, 'absent repo_not_found 1'],
      [{ status: 400, body: { error: 'InvalidRequest' } }, 'failed bad_request 1'],
    ];
    const behaviours = new Map<string, Behaviour>();
    const expected = new Map<string, string>();
    for (const [behaviour, came] of cases) {
      const { did } = await network.account(60);
      behaviours.set(did, behaviour);
      expected.set(did, came);
    }
    network.pds.behave = (did) => behaviours.get(did) ?? 'good';
    const dids = [...behaviours.keys()];
    await backfillRepositories({ config, plcUrl: network.plc.url, dids, ...impatient });
    expect(cameOf(await landedRows<BackfillRow>(config, 'backfills'))).toEqual(expected);
    const records = await landedRows<LandedRecord>(config, 'records');
    expect(records).toHaveLength(60);
    expect(new Set(records.map(({ did }) => did))).toEqual(new Set([dids[0]]));
  });

  it.each([
    ['asks for a pause again and again', '0', 'failed rate_limited 3'],
    ['asks to come back next week', '600000', 'failed rate_limited 1'],
  ])('and %s is given up', async (_, after, came) => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const { did } = await network.account(3);
    network.pds.behave = () => ({ status: 429, headers: { 'retry-after': after } });
    await backfillRepositories({ config, plcUrl: network.plc.url, dids: [did], ...impatient });
    expect(cameOf(await landedRows<BackfillRow>(config, 'backfills')).get(did)).toBe(came);
  });

  it('for a while gives its repository when it has come to itself', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const made = await network.account(120);
    const sequence: Behaviour[] = ['cut off', 'flips a byte', 'good'];
    network.pds.behave = (_, attempt) => sequence[attempt - 1] ?? 'good';
    const summary = await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids: [made.did],
      ...impatient,
    });
    expect(summary.outcomes.done).toBe(1);
    expect((await standing(config)).size).toBe(120);
    const [row] = await landedRows<BackfillRow>(config, 'backfills');
    expect(row).toMatchObject({ outcome: 'done', attempts: 3 });
  });

  it('by asking for a pause gets it, and then nothing is missing', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const accounts = [await network.account(10), await network.account(20), await network.account(30)];
    const limited = accounts[0] as (typeof accounts)[number];
    network.pds.behave = (did, attempt) =>
      did === limited.did && attempt === 1 ? { status: 429, headers: { 'retry-after': '2' } } : 'good';
    const summary = await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids: accounts.map(({ did }) => did),
      ...impatient,
      hostLimits: { perSecond: 1_000, burst: 1_000, concurrency: 1 },
    });
    expect(summary.outcomes).toMatchObject({ done: 3, failed: 0 });
    const refused = network.pds.asked.find(({ query }) => query.get('did') === limited.did);
    const after = network.pds.asked.filter(({ atMs }) => atMs > (refused?.atMs ?? 0));
    // nobody of this host is asked before the pause is over
    for (const { atMs } of after) expect(atMs - (refused?.atMs ?? 0)).toBeGreaterThanOrEqual(1_900);
  });

  it('is never asked by more connections, or oftener, than it may be', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const dids: string[] = [];
    for (let i = 0; i < 30; i++) dids.push((await network.account(3)).did);
    const begunMs = performance.now();
    await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids,
      ...impatient,
      hostLimits: { perSecond: 20, burst: 5, concurrency: 2 },
    });
    expect(network.pds.most).toBeLessThanOrEqual(2);
    const times = network.pds.asked.map(({ atMs }) => atMs).sort((a, b) => a - b);
    expect(times).toHaveLength(30);
    // 30 requests at 20 a second after a burst of 5; the first may have been long on its way
    expect((times.at(-1) ?? 0) - begunMs).toBeGreaterThan(((30 - 5) / 20) * 1_000 - 20);
  });
});

describe('an account', () => {
  it('whose document says too little, or the wrong thing, is remembered with what is wrong', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const other = await makeRepository(1);
    const account = async (document: (did: string, key: string) => Record<string, unknown> | null) => {
      const { did, signingKey } = await network.account(3);
      const changed = document(did, signingKey);
      if (changed === null) delete network.plc.documents[did];
      else network.plc.documents[did] = changed;
      return did;
    };
    const { url } = network.pds;
    const expected = new Map([
      [await account(() => null), 'absent did_not_found 1'],
      [await account((did, key) => documentOf(did, key, null)), 'absent no_pds 1'],
      [
        await account((did, key) => ({ ...documentOf(did, key, url), verificationMethod: [] })),
        'absent no_signing_key 1',
      ],
      [await account((did) => documentOf(did, other.signingKey, url)), 'failed bad_signature 3'],
      [await account((did, key) => documentOf(`${did.slice(0, -1)}z`, key, url)), 'failed did_unresolved 1'],
      ['did:plc:short', 'absent did_invalid 1'],
      ['did:web:127.0.0.1%3A1', 'failed did_unresolved 3'],
    ]);
    await backfillRepositories({ config, plcUrl: network.plc.url, dids: [...expected.keys()], ...impatient });
    expect(cameOf(await landedRows<BackfillRow>(config, 'backfills'))).toEqual(expected);
    expect(await landedRows(config, 'records')).toEqual([]);
  });

  it('that was tombstoned is remembered as such', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const { did } = await network.account(3);
    network.plc.failWith = 410;
    await backfillRepositories({ config, plcUrl: network.plc.url, dids: [did], ...impatient });
    expect(cameOf(await landedRows<BackfillRow>(config, 'backfills')).get(did)).toBe(
      'absent did_tombstoned 1',
    );
  });

  it('whose repository is larger than it may be', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const { did } = await network.account(300);
    await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids: [did],
      ...impatient,
      maxRepositoryBytes: 20_000,
    });
    const [row] = await landedRows<BackfillRow>(config, 'backfills');
    expect(row).toMatchObject({ outcome: 'failed', reason: 'too_big', attempts: 1 });
    expect(await landedRows(config, 'records')).toEqual([]);
  });

  it('of a web host is resolved there', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const web = await startFakeNetwork();
    const did = `did:web:${web.plc.url.slice('http://'.length).replace(':', '%3A')}`;
    const made = await makeRepository(4, { did });
    network.pds.repositories.set(did, made);
    // a host answers /.well-known/did.json, which the double takes for a DID of that name
    web.plc.documents['.well-known/did.json'] = documentOf(did, made.signingKey, network.pds.url);
    const summary = await backfillRepositories({
      config,
      plcUrl: network.plc.url,
      dids: [did],
      ...impatient,
    });
    expect(summary.outcomes.done).toBe(1);
    expect((await standing(config)).size).toBe(4);
  });

  it('on a private address is refused, unless this is a test', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder(), { FEEDTRIAL_ALLOW_LOOPBACK: '0' });
    const { did } = await network.account(3);
    await backfillRepositories({ config, plcUrl: network.plc.url, dids: [did], ...impatient });
    const [row] = await landedRows<BackfillRow>(config, 'backfills');
    expect(row).toMatchObject({ outcome: 'failed', reason: 'private_address', attempts: 1 });
    expect(network.pds.asked).toEqual([]);
  });
});
