import path from 'node:path';
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto';
import { describe, expect, it } from 'vitest';
import { partitionTime, tables } from '../../../lake/index.ts';
import { withdraw } from '../../../study/index.ts';
import { testDid } from '../study/directory.ts';
import {
  ask,
  authorOf,
  bury,
  feedUri,
  interactions,
  loggedLines,
  openSite,
  postOf,
  serviceDid,
  skeleton,
  tokenOf,
} from './site.ts';

/** A server that looks for what is new when a test says so: a look of its own may have begun before what the test has written. */
const whenAsked = { pollMs: 3_600_000 };

describe('a reader', () => {
  it('gets the feed of their arm if they are a participant, by a key of either curve, and the default feed if not', async () => {
    const site = await openSite();
    const [a, b] = [await site.participant('k256'), await site.participant('p256')];
    await site.publish('g1', [a.participant, b.participant]);
    const server = await site.start();
    for (const { account, participant } of [a, b]) {
      const answer = await ask(server, await tokenOf(account), { limit: '2' });
      expect(answer.status).toBe(200);
      expect(answer.posts).toEqual([1, 2].map((n) => postOf(authorOf(participant), 'g1', n)));
      expect(answer.headers.get('cache-control')).toBe('private, no-store');
    }
    const withFragmentToken = await tokenOf(a.account, skeleton, { aud: `${serviceDid}#bsky_fg` });
    const withFragment = await ask(server, withFragmentToken);
    expect(withFragment.posts[0]).toBe(postOf(authorOf(a.participant), 'g1', 1));
    const anonymous = await ask(server, null);
    expect(anonymous.posts).toHaveLength(50);
    expect(anonymous.posts[0]).toBe(postOf('default', 'g1', 1));
    const stranger = await site.directory.account();
    expect((await ask(server, await tokenOf(stranger))).posts[0]).toBe(postOf('default', 'g1', 1));
    expect(site.directory.asked).not.toContain(stranger.did);

    await server.close();
    const lines = loggedLines(site.config);
    expect(lines.map((l) => [l.participant_id, l.arm_assigned, l.policy_served, l.fallback_reason])).toEqual([
      [a.participant.participant_id, a.participant.arm, a.participant.arm, null],
      [b.participant.participant_id, b.participant.arm, b.participant.arm, null],
      [a.participant.participant_id, a.participant.arm, a.participant.arm, null],
      [null, null, 'reverse_chronological', 'anonymous'],
      [null, null, 'reverse_chronological', 'not_a_participant'],
    ]);
    const [first] = lines;
    expect(first).toMatchObject({
      t: 'exposure',
      study: 'default',
      generation: 'g1',
      feed_offset: 0,
      page_limit: 2,
      positions: [1, 2],
      client: 'test reader',
      jti_reused: false,
      http_status: 200,
    });
    expect(JSON.stringify(lines)).not.toContain(a.account.did);
    // no token, nor the beginning of one; letters that are drawn by chance, such as a DID's, may spell it in another case
    expect(JSON.stringify(lines)).not.toMatch(/bearer /i);
    expect(JSON.stringify(lines)).not.toContain(withFragmentToken.split('.')[0]);
    expect(JSON.stringify(lines)).not.toContain(withFragmentToken.split('.')[2]);
  });

  it('with a bad token gets 401 and the error that says what is wrong with it, never a feed', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    const other = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    const now = Math.floor(Date.now() / 1000);
    const stranger = await site.directory.account();
    const cases: [string, string, string][] = [
      ['no token at all', 'nonsense', 'BadJwt'],
      ['expired', await tokenOf(account, skeleton, { exp: now - 5 }), 'JwtExpired'],
      ['not valid yet', await tokenOf(account, skeleton, { nbf: now + 900, exp: now + 960 }), 'BadJwt'],
      ['valid for a day', await tokenOf(account, skeleton, { exp: now + 86_400 }), 'BadJwt'],
      [
        'for another service',
        await tokenOf(account, skeleton, { aud: 'did:web:x.example' }),
        'BadJwtAudience',
      ],
      ['for another method', await tokenOf(account, interactions), 'BadJwtLexiconMethod'],
      ['for no method', await tokenOf(account, skeleton, { lxm: undefined }), 'BadJwtLexiconMethod'],
      [
        'signed by another participant',
        await tokenOf(account, skeleton, {}, other.account.keypair),
        'BadJwtSignature',
      ],
      [
        'signed by nobody',
        await tokenOf(account, skeleton, {}, await Secp256k1Keypair.create()),
        'BadJwtSignature',
      ],
      [
        'signed on another curve',
        await tokenOf(account, skeleton, {}, await P256Keypair.create()),
        'BadJwtSignature',
      ],
      ["a stranger's, expired", await tokenOf(stranger, skeleton, { exp: now - 5 }), 'JwtExpired'],
      ['of no account', await tokenOf(account, skeleton, { iss: 'alice' }), 'BadJwtIss'],
    ];
    for (const [what, token, error] of cases) {
      const answer = await ask(server, token);
      expect([what, answer.status, answer.body.error]).toEqual([what, 401, error]);
      expect(answer.body.message, what).toEqual(expect.any(String));
      expect(answer.body.feed, what).toBeUndefined();
    }
    const basic = await fetch(`${server.url}/xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)}`, {
      headers: { authorization: 'Basic YWxpY2U6c2VjcmV0' },
    });
    expect(basic.status).toBe(401);
    await server.close();
    expect(loggedLines(site.config)).toEqual([]);
  });

  const questions: [string, Record<string, string>, number, string | undefined][] = [
    ['no feed', { feed: '' }, 400, 'InvalidRequest'],
    ['a feed of someone else', { feed: feedUri.replace('publisher', 'somebodys') }, 400, 'UnknownFeed'],
    ['another feed of ours', { feed: `${feedUri}2` }, 400, 'UnknownFeed'],
    ['a feed that is no URI', { feed: 'feedtrial' }, 400, 'UnknownFeed'],
    ...['0', '101', '-1', '1.5', 'ten', '', '1e2', '0x10', '100000000000'].map(
      (limit): [string, Record<string, string>, number, string] => [
        `limit '${limit}'`,
        { limit },
        400,
        'InvalidRequest',
      ],
    ),
    ['limit 1', { limit: '1' }, 200, undefined],
    ['limit 100', { limit: '100' }, 200, undefined],
    ...[
      'x',
      'g1',
      'g1:5',
      'g1:default:',
      'g1:default:-1',
      'g1:default:1.5',
      '../../etc:default:5',
      'g1:other:5',
      'g1:default:5:5',
      'g1:default:99999999',
    ].map((cursor): [string, Record<string, string>, number, string] => [
      `cursor '${cursor}'`,
      { cursor },
      400,
      'InvalidRequest',
    ]),
    ['a cursor behind the end', { cursor: 'g1:default:5000' }, 200, undefined],
    ['an unknown parameter', { algorithm: 'best' }, 200, undefined],
  ];
  it.each(questions)('who asks with %s gets an answer that fits', async (_what, query, status, error) => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    const answer = await ask(server, null, query);
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });

  it('pages to the end without a double or a hole', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant], 120);
    const server = await site.start();
    const posts: string[] = [];
    let cursor: string | undefined;
    do {
      const answer = await ask(server, await tokenOf(account), {
        limit: '37',
        ...(cursor ? { cursor } : {}),
      });
      posts.push(...answer.posts);
      cursor = answer.body.cursor;
    } while (cursor !== undefined);
    expect(posts).toEqual(Array.from({ length: 120 }, (_, i) => postOf(authorOf(participant), 'g1', i + 1)));
    await server.close();
    expect(loggedLines(site.config).flatMap((l) => l.positions as number[])).toEqual(
      Array.from({ length: 120 }, (_, i) => i + 1),
    );
  });

  it('goes on in the generation that they began in, while a new one serves everyone else', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    const first = await ask(server, await tokenOf(account), { limit: '10' });
    await site.publish('g2', [participant]);
    await expect.poll(() => server.generation).toBe('g2');
    const second = await ask(server, await tokenOf(account), {
      limit: '10',
      cursor: first.body.cursor ?? '',
    });
    expect(second.posts).toEqual(
      Array.from({ length: 10 }, (_, i) => postOf(authorOf(participant), 'g1', i + 11)),
    );
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf(authorOf(participant), 'g2', 1));
    await server.close();
    // another server, which never had the first generation in memory, reads it from the lake
    const later = await site.start();
    const third = await ask(later, await tokenOf(account), { limit: '10', cursor: second.body.cursor ?? '' });
    expect(third.posts[0]).toBe(postOf(authorOf(participant), 'g1', 21));
    // one that is gone ends the feed instead of failing
    const gone = await ask(later, await tokenOf(account), { cursor: 'g0:personal:10' });
    expect([gone.status, gone.posts, gone.body.cursor]).toEqual([200, [], undefined]);
    await later.close();
    expect(loggedLines(site.config).at(-1)).toMatchObject({
      generation: 'g0',
      fallback_reason: 'generation_gone',
      uris: [],
    });
  });

  it('keeps the feed that is served when a new one is damaged', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    await site.publish('g2', []);
    await site.lake.write('feeds/generation=g3/serving.arrow', 'damaged');
    await site.lake.write(
      'feeds/current.json',
      JSON.stringify({
        generation: 'g3',
        published_us: 1,
        as_of_us: 1,
        feeds: 1,
        positions: 1,
        serving: 'feeds/generation=g3/serving.arrow',
      }),
    );
    await server.poll();
    expect(['g1', 'g2']).toContain(server.generation);
    expect((await ask(server, null)).posts).toHaveLength(50);
  });

  it('is not shown what was deleted, at once and at the same positions', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant], 20);
    const server = await site.start(whenAsked);
    const author = authorOf(participant);
    await bury(site.lake, [{ kind: 'record', did: `did:plc:${author}`, uri: postOf(author, 'g1', 2) }], 's1');
    await server.poll();
    const answer = await ask(server, await tokenOf(account), { limit: '3' });
    expect(answer.posts).toEqual([1, 3, 4].map((n) => postOf(author, 'g1', n)));
    expect(answer.body.cursor).toBe('g1:personal:4');
    await bury(site.lake, [{ kind: 'account', did: 'did:plc:default', reason: 'account_takendown' }], 's2');
    await server.poll();
    expect((await ask(server, null)).posts).toEqual([]);
    // what comes back is shown again, whatever order the files are read in
    await bury(
      site.lake,
      [{ kind: 'account', did: 'did:plc:default', reason: 'account_active', hidden: false }],
      's0',
    );
    await server.poll();
    expect((await ask(server, null)).posts).toHaveLength(20);
    await server.close();
    // and a server that has just started knows it from the beginning
    const later = await site.start();
    expect((await ask(later, await tokenOf(account), { limit: '2' })).posts).toEqual(
      [1, 3].map((n) => postOf(author, 'g1', n)),
    );
    await later.close();
    expect(loggedLines(site.config)[0]).toMatchObject({ positions: [1, 3, 4], feed_offset: 0 });
  });

  it('is not shown what was deleted days before its feed was ranked, where that landed afterwards', async () => {
    const site = await openSite();
    await site.publish('g1', [], 20);
    const server = await site.start(whenAsked);
    await bury(
      site.lake,
      [{ kind: 'record', did: 'did:plc:default', uri: postOf('default', 'g1', 1) }],
      's1',
      {
        happenedMs: Date.now() - 4.5 * 86_400_000,
      },
    );
    await server.poll();
    expect((await ask(server, null, { limit: '1' })).posts).toEqual([postOf('default', 'g1', 2)]);
  });

  it('is not sent to a server that could not read yet what was deleted', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const { dt, hour } = partitionTime(Date.now() * 1000);
    const damaged = `${tables.tombstones.folder}/dt=${dt}/hour=${hour}/damaged.parquet`;
    await site.lake.write(damaged, 'no Parquet');
    const server = await site.start(whenAsked);
    const ready = await fetch(`${server.url}/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { reason: 'what was deleted has not been read yet' },
    ]);
    await site.lake.remove(damaged);
    await server.poll();
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });

  it('who withdraws gets the default feed from the next request, and is not named any more', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf(authorOf(participant), 'g1', 1));
    await withdraw(site.store, { who: account.did });
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf('default', 'g1', 1));
    await server.close();
    expect(loggedLines(site.config).map((l) => [l.participant_id, l.fallback_reason])).toEqual([
      [participant.participant_id, null],
      [null, 'withdrawn'],
    ]);
  });

  it('enrolled since the last generation gets the default feed until the next, and the exposure says so', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    const { account, participant } = await site.participant();
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf('default', 'g1', 1));
    await server.close();
    expect(loggedLines(site.config)).toMatchObject([
      {
        participant_id: participant.participant_id,
        arm_assigned: participant.arm,
        policy_served: 'reverse_chronological',
        fallback_reason: 'no_feed',
      },
    ]);
  });

  it('gets the default feed while the directory is down, is known again afterwards, and known keys outlast it', async () => {
    const site = await openSite();
    const [a, b] = [await site.participant(), await site.participant()];
    await site.publish('g1', [a.participant, b.participant]);
    let nowMs = Date.now();
    const server = await site.start({ now: () => nowMs });
    const posts = async (reader: typeof a) => (await ask(server, await tokenOf(reader.account))).posts[0];
    expect(await posts(a)).toBe(postOf(authorOf(a.participant), 'g1', 1));
    site.directory.state = 'down';
    expect(await posts(b)).toBe(postOf('default', 'g1', 1));
    expect(await posts(a)).toBe(postOf(authorOf(a.participant), 'g1', 1));
    site.directory.state = 'up';
    nowMs += 5_000;
    expect(await posts(b)).toBe(postOf(authorOf(b.participant), 'g1', 1));
    await server.close();
    expect(loggedLines(site.config).map((l) => l.fallback_reason)).toEqual([
      null,
      'resolver_down',
      null,
      null,
    ]);
    // whoever it was has not shown that they are b
    expect(loggedLines(site.config)[1]).toMatchObject({ participant_id: null, arm_assigned: null });
  });

  it('who began in the default feed ends in it, also where their key has come meanwhile', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant], 30);
    let nowMs = Date.now();
    const server = await site.start({ now: () => nowMs });
    site.directory.state = 'down';
    const first = await ask(server, await tokenOf(account), { limit: '10' });
    site.directory.state = 'up';
    nowMs += 5_000;
    const next = async (cursor: string | undefined) =>
      ask(server, await tokenOf(account), { limit: '10', cursor: cursor ?? '' });
    const second = await next(first.body.cursor);
    const third = await next(second.body.cursor);
    expect([...first.posts, ...second.posts, ...third.posts]).toEqual(
      Array.from({ length: 30 }, (_, i) => postOf('default', 'g1', i + 1)),
    );
    // and is given their own when they begin anew
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf(authorOf(participant), 'g1', 1));
    await server.close();
    const { participant_id } = participant;
    expect(
      loggedLines(site.config).map((l) => [l.participant_id, l.policy_served, l.fallback_reason]),
    ).toEqual([
      [null, 'reverse_chronological', 'resolver_down'],
      [participant_id, 'reverse_chronological', 'cursor_of_default'],
      [participant_id, 'reverse_chronological', 'cursor_of_default'],
      [participant_id, participant.arm, null],
    ]);
  });

  it('waits at most three seconds for a directory that says nothing', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    site.directory.state = 'silent';
    const answer = await ask(server, await tokenOf(account));
    expect(answer.posts[0]).toBe(postOf('default', 'g1', 1));
    await server.close();
    const [line] = loggedLines(site.config);
    expect(line?.fallback_reason).toBe('resolver_down');
    expect(line?.latency_us).toBeGreaterThan(2_900_000);
  });

  it('who has changed their key is known by the new one at the first request, and not by the old one', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    await ask(server, await tokenOf(account));
    const old = account.keypair;
    await site.directory.rotate(account);
    expect((await ask(server, await tokenOf(account))).posts[0]).toBe(postOf(authorOf(participant), 'g1', 1));
    expect((await ask(server, await tokenOf(account, skeleton, {}, old))).body.error).toBe('BadJwtSignature');
    site.directory.forget(account);
    expect((await ask(server, await tokenOf(account, skeleton, {}, old))).body.error).toBe('BadJwtSignature');
  });

  it('who uses a token twice is served, and the exposure says so', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    const token = await tokenOf(account);
    expect((await ask(server, token)).status).toBe(200);
    expect((await ask(server, token)).status).toBe(200);
    await server.close();
    expect(loggedLines(site.config).map((l) => l.jti_reused)).toEqual([false, true]);
  });

  it('gets an empty feed before the first generation, and readiness says that there is none', async () => {
    const site = await openSite();
    const { account } = await site.participant();
    const server = await site.start();
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);
    expect((await ask(server, null)).posts).toEqual([]);
    expect((await ask(server, await tokenOf(account))).posts).toEqual([]);
    await site.publish('g1', []);
    await expect.poll(async () => (await fetch(`${server.url}/ready`)).status).toBe(200);
    expect((await ask(server, null)).posts).toHaveLength(50);
    await server.close();
    expect(loggedLines(site.config).map((l) => l.fallback_reason)).toEqual([
      'anonymous',
      'no_generation',
      'anonymous',
    ]);
  });
});

describe('the service', () => {
  it('says who it is, answers what it knows, and refuses the rest in XRPC', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${server.url}${path}`, init);
      return [response.status, (await response.json()) as Record<string, unknown>] as const;
    };
    expect(await get('/.well-known/did.json')).toEqual([
      200,
      {
        '@context': ['https://www.w3.org/ns/did/v1'],
        id: serviceDid,
        service: [{ id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: 'https://feeds.example' }],
      },
    ]);
    expect(await get('/xrpc/app.bsky.feed.describeFeedGenerator')).toEqual([
      200,
      { did: serviceDid, feeds: [{ uri: feedUri }] },
    ]);
    const refused: [string, RequestInit | undefined, number, string][] = [
      ['/xrpc/app.bsky.feed.getTimeline', undefined, 501, 'MethodNotImplemented'],
      ['/xrpc/', undefined, 501, 'MethodNotImplemented'],
      ['/', undefined, 404, 'NotFound'],
      ['/../../etc/passwd', undefined, 404, 'NotFound'],
      [`/xrpc/${skeleton}`, { method: 'POST' }, 405, 'InvalidRequest'],
      [`/xrpc/${interactions}`, undefined, 405, 'InvalidRequest'],
      [
        `/xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)}&limit=5&limit=6`,
        undefined,
        400,
        'InvalidRequest',
      ],
      [`/xrpc/${skeleton}?feed=a&feed=b`, undefined, 400, 'InvalidRequest'],
      [
        `/xrpc/${interactions}`,
        { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } },
        400,
        'InvalidRequest',
      ],
      [
        `/xrpc/${interactions}`,
        { method: 'POST', body: 'x', headers: { 'content-type': 'text/xml' } },
        415,
        'InvalidRequest',
      ],
      [
        `/xrpc/${interactions}`,
        {
          method: 'POST',
          body: JSON.stringify('x'.repeat(300_000)),
          headers: { 'content-type': 'application/json' },
        },
        413,
        'PayloadTooLarge',
      ],
    ];
    for (const [path, init, status, error] of refused) {
      const [got, body] = await get(path, init);
      expect([path, got, body.error, typeof body.message]).toEqual([path, status, error, 'string']);
    }
    const head = await fetch(`${server.url}/xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)}`, {
      method: 'HEAD',
    });
    expect(head.status).toBe(405);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain(
      `feedtrial_requests_total{route="/xrpc/app.bsky.feed.describeFeedGenerator",status="200"} 1`,
    );
    expect(metrics).toContain('feedtrial_ready 1');
  });

  it('is not ready where the feeds in force are of participants that its study does not have', async () => {
    const site = await openSite();
    const { participant } = await site.participant();
    await site.publish('g1', [participant]);
    // a store that is not there comes into being, and is not taken for the one that is meant
    const elsewhere = { ...site.config, studyDb: path.join(site.folder, 'elsewhere', 'study.sqlite') };
    const wrong = await site.start({ config: elsewhere });
    const ready = await fetch(`${wrong.url}/ready`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { reason: string }).reason).toContain('FEEDTRIAL_STUDY_DB');
    const right = await site.start();
    expect((await fetch(`${right.url}/ready`)).status).toBe(200);
    await withdraw(site.store, { who: participant.did });
    expect((await fetch(`${right.url}/ready`)).status).toBe(200);
  });

  it('does not make a new study of a wrong name in a store that has others', async () => {
    const site = await openSite();
    await site.participant();
    await expect(site.start({ config: { ...site.config, study: 'mistyped' } })).rejects.toMatchObject({
      code: 'FT_STUDY_UNKNOWN',
    });
    const studies = await site.store.db.selectFrom('studies').select('study').execute();
    expect(studies).toEqual([{ study: 'default' }]);
  });

  it('says what is wrong where its port is taken', async () => {
    const site = await openSite();
    const first = await site.start();
    await expect(site.start({ port: first.port })).rejects.toMatchObject({
      code: 'FT_SERVE_PORT_IN_USE',
      exitCode: 2,
    });
    // and lets go of all that it had opened
    const next = await site.start();
    expect((await ask(next, null)).status).toBe(200);
  });
});

describe('what clients report', () => {
  const post = async (server: { url: string }, token: string | null, body: unknown) => {
    const response = await fetch(`${server.url}/xrpc/${interactions}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    return [response.status, (await response.json()) as { error?: string }] as const;
  };

  it('is written down with the answer that it is about, by a context that nobody else can use', async () => {
    const site = await openSite();
    const [a, b] = [await site.participant(), await site.participant()];
    await site.publish('g1', [a.participant, b.participant]);
    const server = await site.start();
    const answer = await ask(server, await tokenOf(a.account));
    const [item] = answer.body.feed;
    const seen = {
      item: item?.post,
      event: 'app.bsky.feed.defs#interactionSeen',
      feedContext: item?.feedContext,
    };
    expect(
      await post(server, await tokenOf(a.account, interactions), {
        interactions: [
          seen,
          { ...seen, feedContext: 'v1.forged' },
          { event: 'app.bsky.feed.defs#requestLess' },
        ],
      }),
    ).toEqual([200, {}]);
    expect(await post(server, await tokenOf(b.account, interactions), { interactions: [seen] })).toEqual([
      200,
      {},
    ]);
    await server.close();
    const lines = loggedLines(site.config).filter((l) => l.t === 'interaction');
    expect(lines.map((l) => [l.participant_id, l.event, l.uri, l.req_id, l.context_valid])).toEqual([
      [a.participant.participant_id, 'interactionSeen', item?.post, answer.body.reqId, true],
      [a.participant.participant_id, 'interactionSeen', item?.post, null, false],
      [a.participant.participant_id, 'requestLess', null, null, false],
      [b.participant.participant_id, 'interactionSeen', item?.post, null, false],
    ]);
  });

  it('is neither taken nor signed for in the name of a participant whose key can not be had', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    let nowMs = Date.now();
    const server = await site.start({ now: () => nowMs });
    site.directory.state = 'down';
    const forger = await Secp256k1Keypair.create();
    const forged = (lxm: string) => tokenOf(account, lxm, {}, forger);
    const answer = await ask(server, await forged(skeleton));
    expect([answer.status, answer.posts[0]]).toEqual([200, postOf('default', 'g1', 1)]);
    const stolen = {
      item: answer.posts[0],
      event: 'app.bsky.feed.defs#interactionSeen',
      feedContext: answer.body.feed[0]?.feedContext,
    };
    const refused = await post(server, await forged(interactions), { interactions: [stolen] });
    expect([refused[0], refused[1].error]).toEqual([503, 'Unavailable']);

    site.directory.state = 'up';
    nowMs += 5_000;
    // a context that was given to nobody is not one of theirs, and a token that was turned away can be sent again
    const token = await tokenOf(account, interactions);
    site.directory.state = 'down';
    const other = await site.start({ now: () => nowMs });
    expect((await post(other, token, { interactions: [stolen] }))[0]).toBe(503);
    site.directory.state = 'up';
    expect((await post(server, token, { interactions: [stolen] }))[0]).toBe(200);
    await server.close();
    await other.close();
    expect(loggedLines(site.config)).toMatchObject([
      { t: 'exposure', participant_id: null, arm_assigned: null, fallback_reason: 'resolver_down' },
      { t: 'interaction', participant_id: participant.participant_id, req_id: null, context_valid: false },
    ]);
  });

  it('is counted and not written down where a stranger reports it, whose signature nobody checks', async () => {
    const site = await openSite();
    await site.publish('g1', []);
    const server = await site.start();
    const stranger = await site.directory.account();
    const body = { interactions: [{ event: 'x' }, { event: 'y' }, { event: 'z' }] };
    expect(await post(server, await tokenOf(stranger, interactions), body)).toEqual([200, {}]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('feedtrial_interactions_left_out_total{reason="not_a_participant"} 3');
    await server.close();
    expect(loggedLines(site.config)).toEqual([]);
  });

  it('is refused without a token, with one used before, or for another method; nothing is kept of who has left', async () => {
    const site = await openSite();
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start();
    const body = { interactions: [{ event: 'app.bsky.feed.defs#interactionSeen' }] };
    const token = await tokenOf(account, interactions);
    expect((await post(server, token, body))[0]).toBe(200);
    const refused: [string | null, unknown, number, string][] = [
      [token, body, 401, 'JwtReplayed'],
      [null, body, 401, 'AuthMissing'],
      [await tokenOf(account), body, 401, 'BadJwtLexiconMethod'],
      [await tokenOf(account, interactions, { jti: undefined }), body, 401, 'BadJwt'],
      [await tokenOf(account, interactions), {}, 400, 'InvalidRequest'],
      [await tokenOf(account, interactions), { interactions: [null] }, 400, 'InvalidRequest'],
      [
        await tokenOf(account, interactions),
        { interactions: [{ item: 'https://x' }] },
        400,
        'InvalidRequest',
      ],
      [await tokenOf(account, interactions), { interactions: [{ event: 7 }] }, 400, 'InvalidRequest'],
      [await tokenOf(account, interactions), { interactions: Array(501).fill({}) }, 400, 'InvalidRequest'],
    ];
    for (const [auth, sent, status, error] of refused) {
      const [got, answer] = await post(server, auth, sent);
      expect([got, answer.error]).toEqual([status, error]);
    }
    await withdraw(site.store, { who: account.did });
    expect((await post(server, await tokenOf(account, interactions), body))[0]).toBe(200);
    await server.close();
    expect(loggedLines(site.config)).toHaveLength(1);
  });
});

it('a flood of unknown accounts asks the directory for none of them', async () => {
  const site = await openSite();
  await site.publish('g1', []);
  const server = await site.start();
  const stranger = await site.directory.account();
  const tokens = await Promise.all(
    Array.from({ length: 100 }, (_, i) => tokenOf({ ...stranger, did: testDid(1_000 + i) })),
  );
  const answers = await Promise.all(tokens.map((token) => ask(server, token)));
  expect(new Set(answers.map((a) => a.status))).toEqual(new Set([200]));
  for (const iss of ['did:web:127.0.0.1', 'did:web:localhost%3A80', 'did:web:169.254.169.254', 'did:plc:x'])
    expect((await ask(server, await tokenOf({ ...stranger, did: iss }))).status).toBe(200);
  expect(site.directory.asked).toEqual([]);
});
