import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawBlock, parseArms, type Arm } from '../../../study/index.ts';
import { armsDigest } from '../../../study/assignment.ts';

const arm = (name: string, weight = 1, status: Arm['status'] = 'open'): Arm => ({
  arm: name,
  weight,
  status,
});
const study3 = [arm('reverse_chronological'), arm('engagement'), arm('treatment')];
const key = { seed: 's', study: 'study', stratum: 'all', block: 0 };
const counts = (names: string[]): Record<string, number> =>
  names.reduce<Record<string, number>>((sum, name) => ({ ...sum, [name]: (sum[name] ?? 0) + 1 }), {});

const arms = fc
  .uniqueArray(
    fc.record({ arm: fc.stringMatching(/^[a-z]{1,6}$/), weight: fc.integer({ min: 1, max: 9 }) }),
    {
      selector: (a) => a.arm,
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((list): Arm[] => list.map((a) => ({ ...a, status: 'open' })));
const keys = fc.record({
  seed: fc.string(),
  study: fc.string(),
  stratum: fc.string(),
  block: fc.nat(10_000),
});

describe('a permuted block', () => {
  it('holds every open arm exactly in proportion to its weight', () => {
    fc.assert(
      fc.property(keys, arms, (blockKey, list) => {
        const block = counts(drawBlock(blockKey, list));
        const [first] = list as [Arm];
        for (const { arm: name, weight } of list)
          expect((block[name] ?? 0) * first.weight).toBe((block[first.arm] ?? 0) * weight);
      }),
    );
  });

  it('is the same for the same seed, study, stratum and number, whatever the order of the arms', () => {
    fc.assert(
      fc.property(keys, arms, (blockKey, list) => {
        expect(drawBlock(blockKey, list)).toEqual(drawBlock({ ...blockKey }, list.toReversed()));
      }),
    );
  });

  it('changes with each part of its key', () => {
    const orders = (change: Partial<typeof key>) =>
      Array.from({ length: 20 }, (_, block) => drawBlock({ ...key, ...change, block }, study3).join());
    const base = orders({});
    for (const change of [{ seed: 't' }, { study: 'other' }, { stratum: 'women' }])
      expect(orders(change)).not.toEqual(base);
    // where one part ends and the next begins is part of the key too
    expect(orders({ study: 'a', stratum: 'bc' })).not.toEqual(orders({ study: 'ab', stratum: 'c' }));
  });

  it('has three sizes and, at the smallest, all six orders of three arms about equally often', () => {
    const blocks = Array.from({ length: 3_000 }, (_, block) => drawBlock({ ...key, block }, study3));
    const sizes = counts(blocks.map((b) => String(b.length)));
    expect(Object.keys(sizes).sort()).toEqual(['3', '6', '9']);
    const smallest = counts(blocks.filter((b) => b.length === 3).map((b) => b.join()));
    expect(Object.keys(smallest)).toHaveLength(6);
    const expected = (sizes['3'] ?? 0) / 6;
    const chiSquare = Object.values(smallest).reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(20.5); // 5 degrees of freedom: one draw in a thousand is worse, and this seed is fixed
  });

  it('leaves out closed arms and arms without weight, and refuses where none is left', () => {
    const some = [arm('a', 2), arm('b', 1, 'closed'), arm('c', 0)];
    expect(new Set(drawBlock(key, some))).toEqual(new Set(['a']));
    expect(() => drawBlock(key, [arm('b', 1, 'closed')])).toThrow(
      expect.objectContaining({ code: 'FT_STUDY_ARMS_CLOSED', exitCode: 2 }),
    );
  });

  it('is drawn anew once the open arms or their weights change, and only then', () => {
    expect(armsDigest([arm('a'), arm('b')])).toBe(armsDigest([arm('b'), arm('a'), arm('c', 1, 'closed')]));
    expect(armsDigest([arm('a'), arm('b')])).not.toBe(armsDigest([arm('a'), arm('b', 2)]));
    expect(armsDigest([arm('a'), arm('b')])).not.toBe(armsDigest([arm('a')]));
  });
});

describe('1,000 simulated enrolments', () => {
  const people = 120;
  const strata = ['young', 'old'];
  const weighted = [arm('a'), arm('b'), arm('c', 2)];
  const shares = new Map(weighted.map(({ arm: name, weight }) => [name, weight / 4]));

  /** Arms in order of enrolment, of a study of its own. */
  const enrolment = (seed: string, stratum: string): string[] => {
    const assigned: string[] = [];
    for (let block = 0; assigned.length < people; block++)
      assigned.push(...drawBlock({ seed, study: 'study', stratum, block }, weighted));
    return assigned.slice(0, people);
  };
  const studies = Array.from({ length: 1_000 }, (_, n) =>
    strata.map((stratum) => enrolment(`seed ${n}`, stratum)),
  );

  it('never leave an arm more than what one block holds of it from its share, at any time, in any stratum', () => {
    for (const [n, stratumOf] of studies.entries())
      for (const assigned of stratumOf) {
        const soFar = new Map(weighted.map(({ arm: name }) => [name, 0]));
        for (const [i, name] of assigned.entries()) {
          soFar.set(name, (soFar.get(name) ?? 0) + 1);
          for (const { arm: one, weight } of weighted) {
            const behind = Math.abs((soFar.get(one) ?? 0) - (i + 1) * (shares.get(one) ?? 0));
            // a block holds an arm at most 3 times its weight; whatever is before the block is even
            if (behind > 3 * weight)
              throw new Error(`study ${n}: ${one} is ${behind} from its share at ${i + 1}`);
          }
        }
      }
  });

  it('give every place in the order of enrolment to each arm about as often as its weight says', () => {
    for (const stratum of strata.keys())
      for (let place = 0; place < people; place++) {
        const given = counts(studies.map((stratumOf) => stratumOf[stratum]?.[place] ?? ''));
        for (const [name, share] of shares) {
          const spread = Math.sqrt(studies.length * share * (1 - share));
          // seven standard errors; the seeds are fixed
          expect(Math.abs((given[name] ?? 0) - studies.length * share)).toBeLessThan(7 * spread);
        }
      }
  });

  it('give no arm away by the one before it, or by the other stratum', () => {
    const before = (a: string, b: string): number =>
      studies.filter(([young = []]) => young[2] === a && young[3] === b).length;
    for (const a of shares.keys()) for (const b of shares.keys()) expect(before(a, b)).toBeGreaterThan(0);
    const same = studies.filter(([young = [], old = []]) => young[0] === old[0]).length;
    const bySheerChance = [...shares.values()].reduce((sum, share) => sum + share ** 2, 0);
    expect(Math.abs(same - studies.length * bySheerChance)).toBeLessThan(
      7 * Math.sqrt(studies.length * bySheerChance * (1 - bySheerChance)),
    );
  });
});

describe('seeds/arms.csv', () => {
  it('is read by its column names', () => {
    expect(parseArms('status,description,weight,arm\nopen,"one, two",2,a\nclosed,,1.0,b\n')).toEqual([
      { arm: 'a', weight: 2, status: 'open' },
      { arm: 'b', weight: 1, status: 'closed' },
    ]);
  });

  it.each([
    ['arm,weight,status\na,half,open\n', /line 2: weight 'half'/],
    ['arm,weight,status\na,0.5,open\n', /weight '0.5'/],
    ['arm,weight,status\na,-1,open\n', /weight '-1'/],
    ['arm,weight,status\na,1,maybe\n', /status 'maybe'/],
    ['arm,weight,status\na,1,open\na,1,open\n', /line 3: arm 'a' comes twice/],
    ['arm,weight,status\ndefault,1,open\n', /can not name an arm/],
    ['arm,weight,status\n"a,1,open\n', /never closed/],
  ])('that is wrong is refused with the line that is: %j', (text, message) => {
    expect(() => parseArms(text)).toThrow(message);
    expect(() => parseArms(text)).toThrow(expect.objectContaining({ code: 'FT_STUDY_ARMS' }));
  });
});
