import { connect } from 'node:net';
import { Secp256k1Keypair } from '@atproto/crypto';
import { describe, expect, it } from 'vitest';
import { testDid, type Account } from '../study/directory.ts';
import {
  authorOf,
  feedUri,
  interactions,
  loggedLines,
  openSite,
  postOf,
  serviceDid,
  skeleton,
  tokenOf,
} from './site.ts';

interface Request {
  what: string;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
  /** What comes: a status, with the error's name or which feed. */
  answer: string;
}

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature's other form: it verifies as well as the first, and AT Protocol refuses it. */
function highS(token: string): string {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const flipped = Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ]);
  return `${head}.${payload}.${flipped.toString('base64url')}`;
}

/** A token with another header, unsigned or signed by its account. */
function withHeader(token: string, header: object, signature?: string): string {
  const [, payload = '', own = ''] = token.split('.');
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature ?? own}`;
}

/** Sends bytes as they are and gives the status line of the answer. */
function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      socket.end();
    });
    socket.on('close', () => {
      resolve(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed');
    });
    socket.on('error', () => undefined);
  });
}

describe('hostile and odd requests', () => {
  it('each get an answer that fits, never a 500, and are fetched nothing for', async () => {
    const site = await openSite();
    const me = await site.participant();
    const other = await site.participant();
    const stranger = await site.directory.account();
    await site.publish('g1', [me.participant, other.participant]);
    await site.publish('g2', [me.participant, other.participant]);
    const server = await site.start();
    const now = Math.floor(Date.now() / 1000);
    const of = (claims: Record<string, unknown> = {}, account: Account = me.account, lxm = skeleton) =>
      tokenOf(account, lxm, claims);
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const feedPath = (query: Record<string, string> = {}) =>
      `/xrpc/${skeleton}?${new URLSearchParams({ feed: feedUri, ...query }).toString()}`;
    const seen = JSON.stringify({
      interactions: [{ item: postOf('default', 'g2', 1), event: 'app.bsky.feed.defs#interactionSeen' }],
    });
    const json = { 'content-type': 'application/json' };
    const reused = await of();
    const reusedReport = await of({}, me.account, interactions);
    const inside = (iss: string) => of({ iss });

    const requests: Request[] = [
      // who asks
      { what: 'no token', answer: '200 default' },
      { what: 'an empty authorization', headers: { authorization: '' }, answer: '200 default' },
      { what: "a participant's token", headers: bearer(reused), answer: '200 own' },
      { what: 'the same token again (a read)', headers: bearer(reused), answer: '200 own' },
      { what: "a stranger's token", headers: bearer(await of({}, stranger)), answer: '200 default' },
      {
        what: 'a token for another service',
        headers: bearer(await of({ aud: 'did:web:evil.example' })),
        answer: '401 BadJwtAudience',
      },
      {
        what: 'a token for another fragment of ours',
        headers: bearer(await of({ aud: `${serviceDid}#atproto_labeler` })),
        answer: '401 BadJwtAudience',
      },
      { what: 'a list of audiences', headers: bearer(await of({ aud: [serviceDid] })), answer: '401 BadJwt' },
      {
        what: 'a token for another method',
        headers: bearer(await of({}, me.account, interactions)),
        answer: '401 BadJwtLexiconMethod',
      },
      {
        what: 'a token for every method',
        headers: bearer(await of({ lxm: '*' })),
        answer: '401 BadJwtLexiconMethod',
      },
      {
        what: 'a token without a method',
        headers: bearer(await of({ lxm: undefined })),
        answer: '401 BadJwtLexiconMethod',
      },
      {
        what: 'an issuer that is no DID',
        headers: bearer(await of({ iss: 'https://evil.example' })),
        answer: '401 BadJwtIss',
      },
      { what: 'an issuer that is a number', headers: bearer(await of({ iss: 7 })), answer: '401 BadJwt' },
      {
        what: 'an issuer of 3,000 letters',
        headers: bearer(await of({ iss: `did:plc:${'a'.repeat(3_000)}` })),
        answer: '401 BadJwt',
      },
      {
        what: 'alg none',
        headers: bearer(withHeader(await of(), { typ: 'JWT', alg: 'none' }, '')),
        answer: '401 BadJwtSignature',
      },
      {
        what: 'alg HS256',
        headers: bearer(withHeader(await of(), { typ: 'JWT', alg: 'HS256' })),
        answer: '401 BadJwtSignature',
      },
      {
        what: 'the other curve named',
        headers: bearer(withHeader(await of(), { typ: 'JWT', alg: 'ES256' })),
        answer: '401 BadJwtSignature',
      },
      {
        what: 'critical extensions',
        headers: bearer(withHeader(await of(), { alg: 'ES256K', crit: ['b64'] })),
        answer: '401 BadJwt',
      },
      {
        what: 'an access token',
        headers: bearer(withHeader(await of(), { typ: 'at+jwt', alg: 'ES256K' })),
        answer: '401 BadJwtType',
      },
      { what: 'a high-S signature', headers: bearer(highS(await of())), answer: '401 BadJwtSignature' },
      {
        what: 'a signature of 63 bytes',
        headers: bearer((await of()).slice(0, -2)),
        answer: '401 BadJwtSignature',
      },
      {
        what: 'a signature of zeros',
        headers: bearer(
          withHeader(await of(), { typ: 'JWT', alg: 'ES256K' }, Buffer.alloc(64).toString('base64url')),
        ),
        answer: '401 BadJwtSignature',
      },
      {
        what: "another participant's key",
        headers: bearer(await tokenOf(me.account, skeleton, {}, other.account.keypair)),
        answer: '401 BadJwtSignature',
      },
      {
        what: "nobody's key",
        headers: bearer(await tokenOf(me.account, skeleton, {}, await Secp256k1Keypair.create())),
        answer: '401 BadJwtSignature',
      },
      { what: 'an expired token', headers: bearer(await of({ exp: now - 1 })), answer: '401 JwtExpired' },
      {
        what: 'a token that never expires',
        headers: bearer(await of({ exp: undefined })),
        answer: '401 BadJwt',
      },
      {
        what: 'a token that expires in text',
        headers: bearer(await of({ exp: 'tomorrow' })),
        answer: '401 BadJwt',
      },
      { what: 'a token of a day', headers: bearer(await of({ exp: now + 86_400 })), answer: '401 BadJwt' },
      {
        what: 'a token of more than an hour from the future',
        headers: bearer(await of({ iat: now + 900, exp: now + 5_000 })),
        answer: '401 BadJwt',
      },
      {
        what: 'not before next hour',
        headers: bearer(await of({ nbf: now + 3_000, exp: now + 3_060 })),
        answer: '401 BadJwt',
      },
      {
        what: 'a jti of 300 letters',
        headers: bearer(await of({ jti: 'j'.repeat(300) })),
        answer: '401 BadJwt',
      },
      {
        what: 'two parts',
        headers: bearer((await of()).split('.').slice(0, 2).join('.')),
        answer: '401 BadJwt',
      },
      { what: 'four parts', headers: bearer(`${await of()}.x`), answer: '401 BadJwt' },
      {
        what: 'a payload that is a list',
        headers: bearer(`eyJhbGciOiJFUzI1NksifQ.${Buffer.from('[]').toString('base64url')}.AAAA`),
        answer: '401 BadJwt',
      },
      { what: 'a token of 10 KB', headers: bearer('A'.repeat(10_000)), answer: '401 BadJwt' },
      { what: 'HTTP Basic', headers: { authorization: 'Basic YTpi' }, answer: '401 BadJwt' },
      // issuers that point inside: nobody in the roster, so nothing is fetched for them
      {
        what: 'did:web of loopback',
        headers: bearer(await inside('did:web:localhost%3A6379')),
        answer: '200 default',
      },
      {
        what: 'did:web of an address',
        headers: bearer(await inside('did:web:127.0.0.1')),
        answer: '200 default',
      },
      {
        what: 'did:web of the metadata service',
        headers: bearer(await inside('did:web:169.254.169.254')),
        answer: '200 default',
      },
      {
        what: 'did:web with a path',
        headers: bearer(await inside('did:web:intranet.example:admin')),
        answer: '200 default',
      },
      { what: 'an unknown did:plc', headers: bearer(await inside(testDid(99_999))), answer: '200 default' },
      {
        what: 'a method that nobody has',
        headers: bearer(await inside('did:key:zQ3sh')),
        answer: '200 default',
      },
      // what is asked for
      { what: 'no feed', path: `/xrpc/${skeleton}`, answer: '400 InvalidRequest' },
      { what: 'an empty feed', path: feedPath({ feed: '' }), answer: '400 InvalidRequest' },
      { what: 'two feeds', path: `${feedPath()}&feed=at://other`, answer: '400 InvalidRequest' },
      {
        what: "another's feed",
        path: feedPath({ feed: feedUri.replace('publisher', 'somebodys') }),
        answer: '400 UnknownFeed',
      },
      {
        what: 'a feed of 8 KB',
        path: feedPath({ feed: `at://${'a'.repeat(8_000)}` }),
        answer: '400 UnknownFeed',
      },
      ...['0', '101', '-1', '1.5', 'ten', '', '1e2', '0x10', '٣', '1 ', '9'.repeat(40)].map((limit) => ({
        what: `limit '${limit.slice(0, 12)}'`,
        path: feedPath({ limit }),
        answer: '400 InvalidRequest',
      })),
      ...['1', '100'].map((limit) => ({
        what: `limit '${limit}'`,
        path: feedPath({ limit }),
        answer: '200 default',
      })),
      { what: 'two limits', path: `${feedPath({ limit: '5' })}&limit=6`, answer: '400 InvalidRequest' },
      ...[
        'x',
        'g2:default',
        'g2:default:-1',
        'g2:default:1e3',
        'g2:nobody:5',
        '../../etc/passwd:default:5',
        'g2%00:default:5',
        'g2:default:99999999',
        `${'g'.repeat(300)}:default:1`,
      ].map((cursor) => ({
        what: `cursor '${cursor.slice(0, 28)}'`,
        path: feedPath({ cursor }),
        answer: '400 InvalidRequest',
      })),
      {
        what: 'two cursors',
        path: `${feedPath({ cursor: 'g2:default:1' })}&cursor=g2:default:2`,
        answer: '400 InvalidRequest',
      },
      {
        what: 'a cursor of a generation before',
        path: feedPath({ cursor: 'g1:default:10' }),
        answer: '200 default',
      },
      {
        what: 'a cursor of one that never was',
        path: feedPath({ cursor: 'g0:default:10' }),
        answer: '200 nothing',
      },
      {
        what: 'a cursor behind the end',
        path: feedPath({ cursor: 'g2:default:5000' }),
        answer: '200 nothing',
      },
      {
        what: 'a personal cursor without a token',
        path: feedPath({ cursor: 'g2:personal:10' }),
        answer: '200 default',
      },
      { what: 'a parameter that is none', path: feedPath({ algorithm: 'best' }), answer: '200 default' },
      { what: 'a broken percent sign', path: `${feedPath()}&cursor=%E0%A4%A`, answer: '400 InvalidRequest' },
      // methods, paths and bodies
      { what: 'POST to the feed', method: 'POST', headers: json, body: '{}', answer: '405 InvalidRequest' },
      { what: 'HEAD of the feed', method: 'HEAD', answer: '405' },
      { what: 'DELETE of the feed', method: 'DELETE', answer: '405 InvalidRequest' },
      { what: 'OPTIONS of the feed', method: 'OPTIONS', answer: '405 InvalidRequest' },
      { what: 'GET of interactions', path: `/xrpc/${interactions}`, answer: '405 InvalidRequest' },
      {
        what: 'another XRPC method',
        path: '/xrpc/com.atproto.server.createSession',
        answer: '501 MethodNotImplemented',
      },
      {
        what: 'an XRPC method that is none',
        path: '/xrpc/..%2f..%2fetc',
        answer: '501 MethodNotImplemented',
      },
      { what: 'the root', path: '/', answer: '404 NotFound' },
      { what: 'a file', path: '/.env', answer: '404 NotFound' },
      { what: 'a way out', path: '/%2e%2e/%2e%2e/etc/passwd', answer: '404 NotFound' },
      { what: 'the study without a key', path: '/study/participants/P1', answer: '401 InvalidKey' },
      {
        what: 'enrolment without a key',
        method: 'POST',
        path: '/study/participants',
        headers: json,
        body: '{}',
        answer: '401 InvalidKey',
      },
      {
        what: 'the preview through a proxy',
        path: '/preview',
        headers: { 'x-forwarded-for': '203.0.113.7' },
        answer: '401',
      },
      {
        what: 'a report without a token',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: json,
        body: seen,
        answer: '401 AuthMissing',
      },
      {
        what: 'a report',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: { ...json, ...bearer(reusedReport) },
        body: seen,
        answer: '200 nothing',
      },
      {
        what: 'the same token again (a report)',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: { ...json, ...bearer(reusedReport) },
        body: seen,
        answer: '401 JwtReplayed',
      },
      {
        what: 'a report that is no JSON',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: { ...json, ...bearer(await of({}, me.account, interactions)) },
        body: '{',
        answer: '400 InvalidRequest',
      },
      {
        what: 'a report that is XML',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: { 'content-type': 'text/xml' },
        body: '<a/>',
        answer: '415 InvalidRequest',
      },
      {
        what: 'a report of 501',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: json,
        body: JSON.stringify({ interactions: Array.from({ length: 501 }, () => ({})) }),
        answer: '400 InvalidRequest',
      },
      {
        what: 'a report of a post that is none',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: json,
        body: JSON.stringify({ interactions: [{ item: 'javascript:alert(1)' }] }),
        answer: '400 InvalidRequest',
      },
      {
        what: 'a report that would pollute',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: json,
        body: '{"__proto__":{"interactions":[]}}',
        answer: '400 InvalidRequest',
      },
      {
        what: 'a body of 300 KB',
        method: 'POST',
        path: `/xrpc/${interactions}`,
        headers: json,
        body: `{"interactions":[],"x":"${'x'.repeat(300_000)}"}`,
        answer: '413 PayloadTooLarge',
      },
    ];
    const own = authorOf(me.participant);
    const rows: { request: string; expected: string; answer: string }[] = [];
    for (const { what, method = 'GET', path = feedPath(), headers = {}, body, answer } of requests) {
      const response = await fetch(new URL(path, server.url), {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      const content = (text.startsWith('{') ? JSON.parse(text) : {}) as {
        error?: string;
        feed?: { post: string }[];
      };
      const first = content.feed?.[0]?.post ?? '';
      const said =
        response.status !== 200
          ? (content.error ?? '')
          : first === ''
            ? 'nothing'
            : first.includes(own)
              ? 'own'
              : first.includes('did:plc:default')
                ? 'default'
                : 'another';
      rows.push({ request: what, expected: answer, answer: `${response.status} ${said}`.trim() });
    }
    // what no HTTP client would send
    const raw: [string, string, string][] = [
      ['no HTTP', 'hello\r\n\r\n', '400'],
      ['HTTP/1.1 without a host', `GET ${feedPath()} HTTP/1.1\r\n\r\n`, '400'],
      ['headers of 40 KB', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`, '431'],
      [
        'two lengths',
        `POST /xrpc/${interactions} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 20\r\n\r\n{}`,
        '400',
      ],
      [
        'a length and chunks',
        `POST /xrpc/${interactions} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
        '400',
      ],
      ['a line break in a path', 'GET /a\u0000b HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
    ];
    for (const [what, text, expected] of raw)
      rows.push({ request: what, expected, answer: await sendRaw(server.port, text) });

    if (process.env.FEEDTRIAL_PRINT_TABLES !== undefined)
      console.log(
        [
          '| request | answer |',
          '|---|---|',
          ...rows.map(({ request, answer }) => `| ${request} | ${answer} |`),
        ].join('\n'),
      );
    expect(rows.filter(({ expected, answer }) => expected !== answer)).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(100);

    // keys were looked up of participants alone
    expect(new Set(site.directory.asked)).toEqual(new Set([me.account.did]));
    await server.close();
    // and nothing was written down of what was refused
    const lines = loggedLines(site.config);
    expect(lines.filter(({ t }) => t === 'exposure')).toHaveLength(
      rows.filter(({ answer, request }) => answer.startsWith('200') && request !== 'a report').length,
    );
    expect(lines.filter(({ t }) => t === 'interaction')).toHaveLength(1);
    expect(lines.filter(({ jti_reused }) => jti_reused === true)).toHaveLength(1);
  });

  it('a flood of unknown accounts is answered with the default feed and fetches nothing; one client is held back, others are not', async () => {
    const site = await openSite({
      FEEDTRIAL_LIMIT_PARTICIPANT_PER_MINUTE: '50',
      FEEDTRIAL_LIMIT_ADDRESS_PER_SECOND: '0',
    });
    const [eager, calm] = [await site.participant(), await site.participant()];
    await site.publish('g1', [eager.participant, calm.participant]);
    const nowMs = Date.now();
    const server = await site.start({ now: () => nowMs }); // no time passes in which more may be asked
    const get = async (token: string | null, from = '203.0.113.1') =>
      fetch(`${server.url}/xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)}`, {
        headers: { 'x-forwarded-for': from, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      });
    const stranger = await site.directory.account();
    const flood = await Promise.all(
      Array.from(
        { length: 400 },
        async (_, n) => (await get(await tokenOf(stranger, skeleton, { iss: testDid(10_000 + n) }))).status,
      ),
    );
    expect(new Set(flood)).toEqual(new Set([200]));
    expect(site.directory.asked).toEqual([]);

    const statuses: number[] = [];
    for (let n = 0; n < 12; n++) statuses.push((await get(await tokenOf(eager.account))).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
    const refused = await get(await tokenOf(eager.account));
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await refused.json()) as { error: string }).error).toBe('RateLimitExceeded');
    expect((await get(await tokenOf(calm.account))).status).toBe(200);
    // who forges tokens in a participant's name uses up nothing of theirs
    const forger = await Secp256k1Keypair.create();
    for (let n = 0; n < 20; n++)
      expect((await get(await tokenOf(calm.account, skeleton, {}, forger))).status).toBe(401);
    expect((await get(await tokenOf(calm.account))).status).toBe(200);
  });

  it('an address without a participant behind it is held back by itself', async () => {
    const site = await openSite({ FEEDTRIAL_LIMIT_ADDRESS_PER_SECOND: '5' });
    const { account, participant } = await site.participant();
    await site.publish('g1', [participant]);
    const server = await site.start({ now: () => Date.now() });
    const get = async (from: string, token?: string) =>
      (
        await fetch(`${server.url}/xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)}`, {
          headers: {
            'x-forwarded-for': from,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
        })
      ).status;
    const statuses = await Promise.all(Array.from({ length: 60 }, () => get('203.0.113.1')));
    expect(statuses).toContain(429);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(10);
    expect(await get('203.0.113.2')).toBe(200);
    expect(await get('203.0.113.1', await tokenOf(account))).toBe(200); // a participant behind the same address
  });
});
