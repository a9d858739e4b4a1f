import { describe, expect, it } from 'vitest';
import { createKey, listParticipants, type Scope } from '../../../study/index.ts';
import { ask, openSite, tokenOf, type Site } from './site.ts';

const consent = { version: '1', given_at: '2026-07-04T12:00:00Z' };

async function openApi(site: Site, scopes: Scope[]) {
  const { token } = await createKey(site.store, { name: 'panel', scopes });
  const server = await site.start();
  const call = async (method: string, path: string, body?: unknown, key: string | null = token) => {
    const response = await fetch(`${server.url}/study/participants${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { server, call };
}

describe('the enrolment API', () => {
  it('enrols by DID or handle, pending until the account asks for the feed itself; asking twice changes nothing', async () => {
    const site = await openSite();
    await site.participant(); // the study is there
    const [a, b] = [await site.directory.account(), await site.directory.account()];
    const { server, call } = await openApi(site, ['enroll', 'read', 'withdraw']);
    const first = await call('POST', '', { did: a.did, panel_id: 'P1', consent });
    expect(first).toMatchObject({
      status: 201,
      body: { status: 'pending', panel_id: 'P1', first_request_at: null },
    });
    expect(first.body).not.toHaveProperty('arm');
    expect(JSON.stringify(first.body)).not.toContain(a.did);
    expect(await call('POST', '', { did: a.did, panel_id: 'P1', consent })).toEqual({
      status: 200,
      body: first.body,
    });
    expect((await call('POST', '', { handle: 'nobody.test', consent })).status).toBe(422);

    await site.publish('g1', []);
    await server.poll();
    expect((await ask(server, await tokenOf(a))).status).toBe(200);
    const path = `/${String(first.body.participant_id)}`;
    await expect.poll(async () => (await call('GET', path)).body.status).toBe('active');
    expect((await call('GET', '/P1')).body).toMatchObject({
      status: 'active',
      first_request_at: expect.any(String) as string,
    });

    const second = await call('POST', '', { did: b.did, consent });
    expect(second.status).toBe(201);
    expect(await call('POST', `${path}/withdraw`, {})).toMatchObject({
      status: 200,
      body: { status: 'withdrawn' },
    });
    expect((await call('POST', '', { did: a.did, consent })).status).toBe(409);
    await ask(server, await tokenOf(a));
    await server.close();
    const people = await listParticipants(site.store);
    expect(people.map(({ status }) => status)).toEqual(['active', 'withdrawn', 'pending']);
  });

  it('refuses who has no key, a revoked or foreign one, or none for this, and says what is wrong with a body', async () => {
    const site = await openSite();
    await site.participant();
    const { did } = await site.directory.account();
    const { call } = await openApi(site, ['enroll']);
    const cases: [string, unknown, string | null | undefined, number, string][] = [
      ['no key', { did, consent }, null, 401, 'InvalidKey'],
      ['an invented key', { did, consent }, `ft_0123456789ab_${'A'.repeat(43)}`, 401, 'InvalidKey'],
      ['no JSON', '{', undefined, 400, 'InvalidRequest'],
      ['a list', [], undefined, 400, 'InvalidRequest'],
      ['nobody', { consent }, undefined, 400, 'Nobody'],
      ['no consent', { did }, undefined, 400, 'InvalidRequest'],
      ['a consent without a time', { did, consent: { version: '1' } }, undefined, 400, 'InvalidRequest'],
      [
        'a consent at no time',
        { did, consent: { version: '1', given_at: 'soon' } },
        undefined,
        400,
        'Consent',
      ],
      ['no DID', { did: 'did:example:1', consent }, undefined, 400, 'Did'],
      ['a DID inside', { did: 'did:web:10.0.0.1', consent }, undefined, 400, 'Did'],
      ['no handle', { handle: 'not a handle', consent }, undefined, 400, 'Handle'],
      ['a bad stratum', { did, stratum: '../x', consent }, undefined, 400, 'Stratum'],
      ['a field that is none', { did, consent, arm: 'treatment' }, undefined, 400, 'InvalidRequest'],
      ['a number for a text', { did: 7, consent }, undefined, 400, 'InvalidRequest'],
      [
        'a body that is too large',
        { did, consent, stratum: 'x'.repeat(20_000) },
        undefined,
        413,
        'PayloadTooLarge',
      ],
    ];
    for (const [what, body, key, status, error] of cases) {
      const answer = await call('POST', '', body, key);
      expect([what, answer.status, answer.body.error]).toEqual([what, status, error]);
    }
    expect(await call('GET', '/P1')).toMatchObject({ status: 403, body: { error: 'Forbidden' } });
    expect((await call('POST', '/P1/withdraw', {})).status).toBe(403);
    expect(await listParticipants(site.store)).toHaveLength(1);
  });
});
