import path from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';
import { smoke } from '../../../ops/smoke/checks.ts';
import { openSite } from '../serve/site.ts';

const script = (...args: string[]) =>
  execa(
    path.join(projectRoot, 'node_modules/.bin/node'),
    [path.join(projectRoot, 'ops/smoke/smoke.ts'), ...args],
    { reject: false },
  );

test('a server that serves passes from outside; the command says each check and ends well', async () => {
  const site = await openSite();
  const { participant } = await site.participant();
  await site.publish('g1', [participant], 25);
  const server = await site.start();
  const results = await smoke({ url: server.url });
  expect(results.filter((one) => !one.isOk)).toEqual([]);
  expect(results.length).toBeGreaterThan(12);
  const { exitCode, stdout } = await script(server.url);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('checks passed');
});

test('a server without a generation, and an address where nothing answers, fail with what to do', async () => {
  const site = await openSite();
  const server = await site.start();
  const failed = (await smoke({ url: server.url })).filter((one) => !one.isOk);
  expect(failed.map((one) => one.name)).toEqual(expect.arrayContaining(['ready', 'default feed']));
  expect(failed.every((one) => (one.fix ?? '').length > 10)).toBe(true);
  await server.close();
  expect((await script(server.url)).exitCode).toBe(1);
  expect((await script('not-an-address')).exitCode).toBe(2);
});

test('a server that answers as somebody else is found out', async () => {
  const answers: Record<string, [number, unknown]> = {
    '/health': [200, {}],
    '/ready': [200, { status: 'ready' }],
    '/.well-known/did.json': [
      200,
      {
        id: 'did:web:other.example',
        service: [{ id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: 'https://other.example' }],
      },
    ],
    '/xrpc/app.bsky.feed.describeFeedGenerator': [
      200,
      { did: 'did:web:other.example', feeds: [{ uri: 'at://did:plc:x/app.bsky.feed.generator/f' }] },
    ],
    '/xrpc/app.bsky.feed.getFeedSkeleton': [200, { feed: [{ post: 'at://did:plc:x/app.bsky.feed.post/1' }] }],
    '/metrics': [200, 'feedtrial_ready 1'],
  };
  const fake = (async (input: URL) => {
    const [status, body] = answers[input.pathname] ?? [404, {}];
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  }) as unknown as typeof fetch;
  const failed = (await smoke({ url: 'https://feeds.example', fetch: fake })).filter((one) => !one.isOk);
  expect(failed.map((one) => one.name)).toEqual([
    'identity',
    'endpoint',
    'bad token',
    'bad question',
    'metrics kept in',
  ]);
});
