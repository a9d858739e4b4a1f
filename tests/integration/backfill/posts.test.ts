import { describe, expect, it } from 'vitest';
import { backfillPosts } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startFakeNetwork } from './fake-pds.ts';
import { publishQueue, wanted } from './queue.ts';
import { landedRows, standing, type LandedRecord } from './rows.ts';

silenceProgress();

const uris = (did: string, paths: Iterable<string>): string[] =>
  [...paths].filter((path) => path.startsWith('app.bsky.feed.post/')).map((path) => `at://${did}/${path}`);

interface Question {
  kind: string;
  did: string;
  uri: string | null;
  outcome: string;
  reason: string | null;
}

describe('posts that are referred to and not held', () => {
  it('are fetched one by one with their proof, or with the repository where the queue says so', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const few = await network.account(30);
    const many = await network.account(60);
    const single = uris(few.did, few.records.keys()).slice(0, 3);
    const whole = uris(many.did, many.records.keys()).slice(0, 5);
    const missing = `at://${few.did}/app.bsky.feed.post/3l5aaaaaaaa2c`;
    const queue = wanted([
      ...single.map((uri) => ({ uri })),
      { uri: missing },
      ...whole.map((uri) => ({ uri, by: 'repository' as const })),
    ]);
    await publishQueue(config, 'backfill', queue);
    const plan = await backfillPosts({ config, plcUrl: network.plc.url, dryRun: true });
    expect(plan.plan).toEqual([{ host: network.pds.host, requests: 5 }]);
    expect(network.pds.asked).toEqual([]);

    const summary = await backfillPosts({ config, plcUrl: network.plc.url });
    expect(summary.outcomes).toMatchObject({ done: 4, absent: 1, failed: 0 });
    expect(network.pds.asked.map(({ method }) => method).sort()).toEqual([
      ...Array<string>(4).fill('com.atproto.sync.getRecord'),
      'com.atproto.sync.getRepo',
    ]);
    const records = await landedRows<LandedRecord>(config, 'records');
    expect(records.every(({ verified, live, source }) => verified && !live && source === 'backfill')).toBe(
      true,
    );
    const here = await standing(config);
    for (const uri of [...single, ...whole]) expect([...here.keys()]).toContain(uri.slice('at://'.length));
    expect(here.size).toBe(3 + 60);
    for (const { did, collection, rkey, cid } of records)
      expect(cid).toBe((did === few.did ? few : many).records.get(`${collection}/${rkey}`));
    const questions = await landedRows<Question>(config, 'backfills');
    expect(questions.find(({ uri }) => uri === missing)).toMatchObject({
      kind: 'record',
      did: few.did,
      outcome: 'absent',
      reason: 'record_not_found',
    });

    // until the models say anew what is wanted, what was answered is not asked for again
    const askedBefore = network.pds.asked.length;
    const again = await backfillPosts({ config, plcUrl: network.plc.url });
    expect(again).toMatchObject({ asked: 0, written: 0 });
    expect(network.pds.asked.length).toBe(askedBefore);
  });

  it('whose proof is wrong, or whose account is gone, leave a row with a reason', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const [bad, gone] = [await network.account(12), await network.account(12)];
    network.pds.behave = (did) =>
      did === bad.did ? 'flips a byte' : { status: 400, body: { error: 'RepoTakendown' } };
    const posts = [bad, gone].map(({ did, records }) => uris(did, records.keys())[0] ?? '');
    await publishQueue(config, 'backfill', wanted(posts.map((uri) => ({ uri }))));
    const summary = await backfillPosts({
      config,
      plcUrl: network.plc.url,
      patience: { firstWaitMs: 5 },
      hostLimits: { perSecond: 1_000, burst: 1_000 },
    });
    expect(summary.outcomes).toMatchObject({ done: 0, absent: 1, failed: 1 });
    expect(summary.reasons.repo_takendown).toBe(1);
    expect(await landedRows(config, 'records')).toEqual([]);
  });

  it('are not there to be asked for before the models have said which', async () => {
    const config = configIn(temporaryFolder());
    await expect(backfillPosts({ config })).rejects.toMatchObject({ code: 'FT_BACKFILL_QUEUE' });
  });
});
