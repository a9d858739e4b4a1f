import { describe, expect, it } from 'vitest';
import { plotSvg, plotText, type SimulationReport } from '../../../ops/simulate/index.ts';

const none = { mean: null, margin: null };
const arm = (name: string, toxic: number | null): SimulationReport['arms'][number] => ({
  arm: name,
  policy: name,
  policy_version: '1',
  feeds: 2,
  shortest: 10,
  mean_positions: 10,
  measures: {
    toxic: { mean: toxic, margin: 0.01 },
    constructive: none,
    sociopolitical: none,
    in_network: { mean: 0, margin: 0 },
    superposter: none,
    likes: none,
    age_hours: none,
  },
});

const report: SimulationReport = {
  from: 'posts <of> "a" & b',
  as_of: '2026-07-04T00:00:00.000Z',
  first: 10,
  participants: 2,
  posts: 20,
  arms: [arm('one', 0.2), arm('two', 0.4)],
  overlap: { one: { one: 1, two: 0.25 }, two: { one: 0.25, two: 1 } },
  left_out: [],
};

describe('the plot of a simulation', () => {
  it('puts means where the axis says, escapes what it is given, and leaves out what is not known', () => {
    const svg = plotSvg(report);
    expect(svg).toContain('posts &lt;of&gt; &quot;a&quot; &amp; b');
    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('constructiveness');
    // the axis runs from 0.19 - 0.033 to 0.41 + 0.033 over 150 to 370: 0.2 is at 150 + 0.043/0.286*220 = 183.1
    expect(svg).toContain('cx="183.1"');
    // ticks are round numbers: 0.2, 0.3, 0.4
    expect([...svg.matchAll(/class="tick"[^>]*>([^<]*)</g)].map(([, tick]) => tick).slice(0, 3)).toEqual([
      '0.2',
      '0.3',
      '0.4',
    ]);
    expect(svg.match(/25%/g)).toHaveLength(2);
  });

  it('says the same in a terminal', () => {
    const lines = plotText(report).join('\n');
    expect(lines).toMatch(/one +█{20} +0\.200 ± 0\.010/);
    expect(lines).toMatch(/two +█{40} +0\.400/);
    expect(lines).toContain('25%');
  });
});
