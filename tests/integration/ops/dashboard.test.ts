import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dashboardPage, escapeHtml, maskArms, type DashboardData } from '../../../ops/dashboard/index.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => existsSync(file));

const endUs = Date.UTC(2026, 6, 4, 12) * 1000;
const hours = Array.from({ length: 48 }, (_, n) => endUs - (48 - n) * 3600e6);
const arms = ['Arm A', 'Arm B', 'Arm C', 'Default feed'];

/** A study of two days with a gap, an alert whose text tries to be HTML, and three masked arms. */
function aStudy(): DashboardData {
  return {
    study: 'trial',
    observedUs: endUs,
    isUnblinded: false,
    alerts: [
      {
        rule: 'stage_failing',
        subject: 'rank',
        severity: 'page',
        measured_value: 2,
        threshold: 0,
        unit: 'failures in a row',
        detail: '<script>window.broken = true</script>',
        watches: 'w',
        what_to_do: 'Read the error',
        runbook: 'docs/runbook/stage_failing.md',
        since_us: endUs - 7200e6,
      },
    ],
    captureHours: hours.map((hour_us, n) => ({
      hour_us,
      operations: 1000 + 400 * Math.sin(n / 4),
      rejected_events: n % 7,
      open_gaps: n === 20 ? 1 : 0,
      is_silent: n === 30,
      is_complete: n !== 20 && n !== 30,
      is_explained: n !== 30,
    })),
    coverage: ['2026-07-02', '2026-07-03', '2026-07-04'].flatMap((event_day, n) =>
      ['language', 'perspective'].map((labeler) => ({
        event_day,
        labeler,
        posts: 500,
        labelled: 300 + 60 * n,
        coverage: (300 + 60 * n) / 500,
      })),
    ),
    labelerDays: [
      { labelled_day: '2026-07-04', labeler: 'perspective', asks: 500, failed: 3, cost_usd: 1.5 },
    ],
    generations: hours.flatMap((ranked_us, n) =>
      arms.map((arm, a) => ({
        arm,
        ranked_us,
        feeds: 10,
        positions: 300,
        labelled_positions: 280,
        mean_toxic: 0.2 - 0.03 * a + 0.01 * Math.sin(n),
        mean_constructive: 0.2 + 0.03 * a,
        in_network_share: 0.6,
        superposter_share: 0.3,
      })),
    ),
    armHours: hours.flatMap((served_us, n) =>
      arms.map((arm) => ({
        served_us,
        arm,
        answers: 20 + (n % 5),
        participants: 9,
        positions: 600,
        fallbacks: 0,
        latency_ms_median: 1,
        latency_ms_p99: 4,
      })),
    ),
    stages: [
      {
        stage: 'rank',
        kind: 'periodic',
        seconds_since_success: 12000,
        allowed_seconds: 10800,
        last_status: 'failed',
        is_on_time: false,
      },
      {
        stage: 'serve',
        kind: 'resident',
        seconds_since_success: 90000,
        allowed_seconds: null,
        last_status: 'running',
        is_on_time: true,
      },
    ],
    runs: hours.flatMap((started_us) =>
      ['land', 'rank'].map((stage) => ({ stage, status: 'done', started_us, duration_s: 3 })),
    ),
    probes: hours.map((read_us, n) => ({
      probe: 'disk',
      subject: 'lake',
      measured_value: 0.5 + n / 200,
      read_us,
    })),
  };
}

describe('arms on the dashboard', () => {
  test('are letters that stay the same, whatever order they come in, and differ between studies', () => {
    const names = ['engagement', 'reverse_chronological', 'treatment'];
    const masked = maskArms('trial', [...names, 'default']);
    expect(maskArms('trial', ['default', ...names.toReversed()])).toEqual(masked);
    expect(names.map((arm) => masked.get(arm)).toSorted()).toEqual(['Arm A', 'Arm B', 'Arm C']);
    const orders = Array.from({ length: 40 }, (_, n) =>
      names.map((arm) => maskArms(`study-${n}`, names).get(arm)).join(),
    );
    expect(new Set(orders).size).toBeGreaterThan(1);
  });
});

test('what comes from outside is text, never markup', () => {
  expect(escapeHtml(`<b a="1">&'`)).toBe('&lt;b a=&quot;1&quot;&gt;&amp;&#39;');
});

if (browser === undefined)
  console.warn('SKIPPED: the dashboard in a browser; npm run setup:services -- chromium installs it');

describe.skipIf(browser === undefined)('the dashboard in a browser', () => {
  test.each([
    ['desktop', 1280, 900, 'wide', 'narrow'],
    ['phone', 390, 844, 'narrow', 'wide'],
  ])(
    'on a %s asks nothing of anybody, shows every plot, and needs no sideways scroll',
    async (name, width, height, shown, hidden) => {
      const page = dashboardPage(aStudy());
      const chrome = await chromium.launch({ executablePath: browser ?? '', args: ['--no-sandbox'] });
      onTestFinished(() => chrome.close());
      const tab = await chrome.newPage({ viewport: { width, height } });
      const requests: string[] = [];
      const problems: string[] = [];
      tab.on('request', (request) => requests.push(request.url()));
      tab.on(
        'console',
        (message) => ['error', 'warning'].includes(message.type()) && problems.push(message.text()),
      );
      tab.on('pageerror', (error) => problems.push(error.message));
      await tab.setContent(page, { waitUntil: 'load' });
      expect(requests.filter((url) => !url.startsWith('data:') && url !== 'about:blank')).toEqual([]);
      expect(problems).toEqual([]);
      expect(await tab.locator(`.${shown} svg`).count()).toBeGreaterThan(8);
      expect(await tab.locator(`.${shown} svg`).first().isVisible()).toBe(true);
      expect(await tab.locator(`.${hidden} svg`).first().isVisible()).toBe(false);
      for (const heading of [
        'Ingestion and gaps',
        'Labels',
        'Toxicity of what each arm shows',
        'Exposure by arm',
        'Stages',
      ])
        expect(
          await tab.getByRole('heading', { name: heading, exact: true }).first().isVisible(),
          heading,
        ).toBe(true);
      const sideways = await tab.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      expect(sideways).toBeLessThanOrEqual(0);
      expect(await tab.evaluate('window.broken')).toBeUndefined();
      for (const arm of ['engagement', 'treatment', 'reverse_chronological'])
        expect(await tab.content()).not.toContain(arm);
      if (process.env.FEEDTRIAL_SCREENSHOTS)
        await tab.screenshot({
          path: path.join(process.env.FEEDTRIAL_SCREENSHOTS, `dashboard-${name}.png`),
          fullPage: true,
        });
    },
  );
});
