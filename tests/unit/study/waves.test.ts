import { describe, expect, it } from 'vitest';
import { armsOfWave, parseWaves, type Arm } from '../../../study/index.ts';

const arms: Arm[] = [
  { arm: 'a', weight: 1, status: 'open' },
  { arm: 'b', weight: 1, status: 'open' },
  { arm: 'c', weight: 2, status: 'closed' },
];
const at = (time: string): number => Date.parse(time) * 1000;
const openAt = (text: string, time: string) =>
  armsOfWave(arms, parseWaves(text, arms), at(time))
    .filter(({ status }) => status === 'open')
    .map(({ arm, weight }) => `${arm} ${weight}`);

const two = `wave,begins,ends,arm,weight
pilot,2026-07-01,2026-07-08,a,
main,2026-08-01,,a,2
main,2026-08-01,,b,3
main,2026-08-01,,c,
`;

describe('enrolment waves', () => {
  it('open the arms that they name, with their weight; a closed arm stays closed', () => {
    expect(openAt(two, '2026-07-01T00:00:00Z')).toEqual(['a 1']);
    expect(openAt(two, '2026-07-07T23:59:59.999Z')).toEqual(['a 1']);
    expect(openAt(two, '2027-01-01T00:00:00Z')).toEqual(['a 2', 'b 3']);
    expect(openAt('wave,begins,ends,arm,weight\n1,1970-01-01,,,\n', '2026-07-01T00:00:00Z')).toEqual([
      'a 1',
      'b 1',
    ]);
  });

  it('enrol nobody before, between and after them, and say when the next one begins', () => {
    expect(() => openAt(two, '2026-06-30T23:59:59Z')).toThrow(/begins at 2026-07-01T00:00:00/);
    expect(() => openAt(two, '2026-07-08T00:00:00Z')).toThrow(
      expect.objectContaining({ code: 'FT_STUDY_NO_WAVE', exitCode: 2 }),
    );
    expect(() => openAt(two.split('\n').slice(0, 2).join('\n'), '2026-07-08T00:00:00Z')).toThrow(
      /the last wave is over/,
    );
  });

  it.each([
    ['an arm that there is not', 'x,2026-07-01,,nobody,'],
    ['no day', 'x,2026-02-30,,a,'],
    ['an end before the beginning', 'x,2026-07-02,2026-07-01,a,'],
    ['two at the same time', 'x,2026-07-01,2026-07-05,a,\ny,2026-07-04,,a,'],
    ['one without an end before another', 'x,2026-07-01,,a,\ny,2026-08-04,,a,'],
    ['an arm twice', 'x,2026-07-01,,a,\nx,2026-07-01,,a,'],
    ['all arms and one', 'x,2026-07-01,,,\nx,2026-07-01,,a,'],
    ['other days in its second row', 'x,2026-07-01,,a,\nx,2026-07-02,,b,'],
    ['a weight of no arm', 'x,2026-07-01,,,2'],
    ['half a weight', 'x,2026-07-01,,a,0.5'],
  ])('refuse %s', (_what, rows) => {
    expect(() => parseWaves(`wave,begins,ends,arm,weight\n${rows}\n`, arms)).toThrow(
      expect.objectContaining({ code: 'FT_STUDY_WAVES' }),
    );
  });
});
