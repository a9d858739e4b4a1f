import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { backfillProfiles } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { nthDid } from './fake-pds.ts';
import { publishQueue } from './queue.ts';
import { landedRows } from './rows.ts';

silenceProgress();

/** A fake of the public API: knows all accounts but one, and refuses any batch with another. */
async function startFakeApi(
  unknown: string,
  unreadable: string,
): Promise<{ url: string; batches: string[][] }> {
  const batches: string[][] = [];
  const server = http.createServer((request, response) => {
    const actors = new URL(request.url ?? '/', 'http://fake').searchParams.getAll('actors');
    batches.push(actors);
    const refused = actors.includes(unreadable) || actors.length > 25;
    const profiles = actors
      .filter((did) => did !== unknown)
      .map((did, i) => ({
        did,
        handle: `someone${i}.test`,
        followersCount: i,
        postsCount: 7,
        viewer: { x: 1 },
      }));
    response
      .writeHead(refused ? 400 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(refused ? { error: 'InvalidRequest', message: 'no' } : { profiles }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, batches };
}

it('profiles are snapshot in batches of 25; who is unknown or refused is remembered, and costs the others nothing', async () => {
  const config = configIn(temporaryFolder());
  const dids = Array.from({ length: 60 }, (_, i) => nthDid(i + 1));
  const [unknown = '', unreadable = ''] = [dids[3], dids[40]];
  const api = await startFakeApi(unknown, unreadable);
  const rows = dids.map((did, i) => `('${did}', ${i < 10 ? 1 : 2})`).join(', ');
  await publishQueue(config, 'profiles', `SELECT * FROM (VALUES ${rows}) AS queue (did, priority)`);
  const plan = await backfillProfiles({ config, apiUrl: api.url, dryRun: true });
  expect(plan.plan?.map(({ requests }) => requests)).toEqual([3]);
  expect(api.batches).toEqual([]);
  const summary = await backfillProfiles({
    config,
    apiUrl: api.url,
    hostLimits: { perSecond: 1_000, burst: 1_000 },
  });
  expect(summary.outcomes).toMatchObject({ done: 58, absent: 1, failed: 1 });
  expect(summary.reasons).toEqual({ profile_not_found: 1, bad_request: 1 });
  expect(Math.max(...api.batches.map((batch) => batch.length))).toBe(25);
  const profiles = await landedRows<{
    did: string;
    handle: string;
    posts: bigint;
    follows: bigint | null;
    profile: string;
  }>(config, 'profiles');
  expect(profiles.map(({ did }) => did).sort()).toEqual(
    dids.filter((did) => did !== unknown && did !== unreadable).sort(),
  );
  expect(profiles[0]).toMatchObject({ posts: 7n, follows: null });
  expect(JSON.parse(profiles[0]?.profile ?? '')).toMatchObject({ did: profiles[0]?.did, viewer: { x: 1 } });
});
