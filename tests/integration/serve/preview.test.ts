import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEngine, tables, writeRows } from '../../../lake/index.ts';
import { createKey, createStudy, type Participant } from '../../../study/index.ts';
import { authorOf, bury, openSite, postOf, type Site } from './site.ts';

const program = '/usr/bin/chromium';
const hasChromium = existsSync(program);
if (!hasChromium)
  console.warn("SKIPPED: pages in a browser. Chromium isn't installed: 'npm run setup:services -- chromium'");

const hostile = `<script>document.title = 'taken over'</script><img src=x onerror="document.title='taken over'"> & "quoted" 'text' </li></ol>`;
const texts = [
  'Rain again in the north; the river gauge at the bridge is up 40 cm since yesterday. 🌧️',
  hostile,
  'averylongwordwithoutanyspaceinitatallthatwouldmakeaphonescrollsideways'.repeat(3),
  'A new preprint on sleep and memory. Thread below.\n\n1/ We followed 2,000 people for a year.',
];

async function showFeed(site: Site, participant: Participant, other: string): Promise<void> {
  await site.publish('g1', [participant], 12);
  const engine = await openEngine({ threads: 1 });
  const us = Date.now() * 1000 - 3_600_000_000;
  const iso = new Date(us / 1000).toISOString();
  const rkey = (n: number) => postOf(authorOf(participant), 'g1', n).split('/').at(-1);
  try {
    const row = (who: string, author: string, n: number) => ({
      participant_id: who,
      arm: who === '_default' ? 'default' : participant.arm,
      policy: participant.arm,
      policy_version: '1',
      position: n,
      uri: postOf(author, 'g1', n),
      cid: 'bafy',
      author_did: `did:plc:${author}`,
      event_us: us,
      score: 9.5 - n / 10,
      like_score: 4.2,
      freshness_score: 2.1,
      treatment_multiplier: 0.965,
      likes: n * 7,
      age_hours: n,
      toxic: 0.25,
      candidate_source: n % 2 ? 'popular' : 'in_network',
      is_in_network: n % 2 === 0,
      served_before: false,
      position_before_shuffle: n,
      shuffle_offset: 0,
      propensity: 1 / 3,
      counterfactual_positions: JSON.stringify(n === 3 ? {} : { [other]: 14 - n }),
    });
    const author = authorOf(participant);
    const rows = Array.from({ length: 12 }, (_, i) => row(participant.participant_id, author, i + 1));
    rows.push(...Array.from({ length: 12 }, (_, i) => row('_default', 'default', i + 1)));
    await writeRows(site.lake, engine, tables.feeds, { generation: 'g1' }, rows, 'feeds');
    await writeRows(
      site.lake,
      engine,
      tables.records,
      { collection_group: 'app.bsky.feed.post', dt: iso.slice(0, 10), hour: iso.slice(11, 13) },
      Array.from({ length: 11 }, (_, i) => ({
        did: `did:plc:${author}`,
        collection: 'app.bsky.feed.post',
        rkey: rkey(i + 1),
        operation: 'create',
        cid: 'bafy',
        rev: 'r',
        record: JSON.stringify({ text: texts[i % texts.length] }),
        event_us: us,
        source: 'firehose',
        live: true,
        verified: true,
        ingested_at: us,
        segment: 's',
      })),
      'landed',
    );
    await writeRows(
      site.lake,
      engine,
      tables.identities,
      { dt: iso.slice(0, 10), hour: iso.slice(11, 13) },
      [
        {
          did: `did:plc:${author}`,
          handle: 'weather.example',
          event_us: us,
          source: 'firehose',
          ingested_at: us,
          segment: 's',
        },
      ],
      'landed',
    );
  } finally {
    await engine.close();
  }
  await bury(
    site.lake,
    [
      {
        kind: 'record',
        did: `did:plc:${authorOf(participant)}`,
        uri: postOf(authorOf(participant), 'g1', 5),
      },
    ],
    's1',
  );
}

/** Two participants of two arms, the first with a feed to look at. */
async function openPreview() {
  const site = await openSite();
  await createStudy(site.store, { study: site.config.study, seed: 'side by side' }); // deals the first three an arm each
  const people = [await site.participant(), await site.participant(), await site.participant()].map(
    (p) => p.participant,
  );
  const [first] = people as [Participant, ...Participant[]];
  const other = people.find(({ arm }) => arm !== first.arm) as Participant;
  await showFeed(site, first, other.arm);
  await site.publish('g1', [first, other], 12);
  const server = await site.start();
  await server.poll();
  return { site, first, other, server };
}

describe('the preview page', () => {
  it('is for this machine, or who has a key for it; never for who comes through a proxy', async () => {
    const { site, first, server } = await openPreview();
    const url = `${server.url}/preview?participant=${first.participant_id}`;
    const status = async (headers: Record<string, string> = {}, at = url) =>
      (await fetch(at, { headers })).status;
    expect(await status()).toBe(200);
    expect(await status({ 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    expect(await status({ 'x-real-ip': '203.0.113.9' })).toBe(401);
    const denied = await fetch(url, { headers: { authorization: 'Basic eDp5' } });
    expect([denied.status, denied.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('Basic') as string,
    ]);
    const { token } = await createKey(site.store, { name: 'team', scopes: ['preview'] });
    const { token: enrolOnly } = await createKey(site.store, { name: 'panel', scopes: ['enroll'] });
    const basic = (password: string) => `Basic ${Buffer.from(`team:${password}`).toString('base64')}`;
    const away = { 'x-forwarded-for': '203.0.113.9' };
    expect(await status({ ...away, authorization: basic(token) })).toBe(200);
    expect(await status({ ...away, authorization: basic(enrolOnly) })).toBe(403);
    expect(await status({}, `${server.url}/preview?participant=a&participant=b`)).toBe(400);
    expect(await status({}, `${server.url}/preview?participant=nobody`)).toBe(200);

    const page = await fetch(url);
    const text = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toContain('<script');
    expect(text).not.toContain('<img');
    expect(text).not.toContain(`@${first.did}`);
    for (const arm of ['engagement', 'reverse_chronological', 'treatment']) expect(text).not.toContain(arm);
    expect(text).not.toContain('0.965'); // a factor that only one arm has
    const { token: unblinded } = await createKey(site.store, {
      name: 'lead',
      scopes: ['preview', 'read:arms'],
    });
    const shown = await (await fetch(url, { headers: { authorization: basic(unblinded) } })).text();
    expect(shown).toContain(first.arm);
    expect(shown).toContain('0.965');
  });
});

describe.skipIf(!hasChromium)('the preview page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: program,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
  });
  afterAll(async () => {
    await browser?.close();
  });

  it('shows two arms side by side, on a phone below each other without scrolling sideways, and runs nothing that a post says', async () => {
    const { server, first } = await openPreview();
    for (const [name, width, height] of [
      ['desktop', 1280, 900],
      ['phone', 390, 844],
    ] as const) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: name === 'phone' ? 'dark' : 'light',
      });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${server.url}/preview?participant=${first.participant_id}`);
      expect(await page.title()).toBe('Feeds, side by side');
      expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
        expect.stringMatching(/^Arm [AB]/) as string,
        expect.stringMatching(/^Arm [AB]/) as string,
      ]);
      const [left, right] = await page.locator('section').all();
      expect(await left?.locator('li').count()).toBe(12);
      expect(await left?.locator('.text').nth(1).textContent()).toBe(hostile);
      expect(await left?.locator('.text').nth(4).textContent()).toContain('deleted since');
      expect(await right?.locator('li').first().textContent()).toContain('not on the first page');
      expect(await right?.locator('.place').nth(1).textContent()).toBe('2');
      await left?.locator('summary').first().click();
      expect(await left?.locator('dl').first().isVisible()).toBe(true);
      expect(await left?.locator('dl').first().textContent()).toContain('many liked it');
      const boxes = await Promise.all([left?.boundingBox(), right?.boundingBox()]);
      if (name === 'phone')
        expect(boxes[1]?.y).toBeGreaterThan((boxes[0]?.y ?? 0) + (boxes[0]?.height ?? 0) - 1);
      else expect(boxes[1]?.y).toBe(boxes[0]?.y);
      expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
      expect(complaints).toEqual([]);
      const folder = process.env.FEEDTRIAL_SCREENSHOTS;
      if (folder !== undefined) await page.screenshot({ path: path.join(folder, `preview-${name}.png`) });
      await context.close();
    }
  });
});
