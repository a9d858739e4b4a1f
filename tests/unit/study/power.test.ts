import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { powerOf, readCalibration, simulateStudies, type Calibration } from '../../../study/power.ts';
import type { Arm } from '../../../study/index.ts';
import { dataFile, hasData } from '../../data.ts';
import { temporaryFolder } from '../../folders.ts';

const arms: Arm[] = ['control', 'treatment'].map((arm) => ({ arm, weight: 1, status: 'open' }));
const calibration: Calibration = {
  label: 'toxic',
  days: 10,
  mean: 0.13,
  standard_deviation_of_days: 0.01,
  standard_deviation_of_posts: 0.1,
  posts_from: 'posts',
};
const plan = {
  calibration,
  effect: 0.02,
  participantsPerArm: 400,
  arms: 2,
  weeks: 1,
  positionsPerWeek: 1,
  betweenPeople: 1,
  openedShare: 1,
  significance: 0.05,
  targetPower: 0.8,
};

describe('power', () => {
  it('is what the formula gives by hand', () => {
    // z = 0.02 / (0.1 * sqrt(2/400)) = 2.8284; power = P(Z < 2.8284 - 1.9600) = 0.8074
    // n = 2 * ((1.9600 + 0.8416) * 0.1 / 0.02)^2 = 392.4 -> 393
    const power = powerOf(plan);
    expect(power.power).toBeCloseTo(0.8074, 4);
    expect(power.participants_per_arm_for_target).toBe(393);
    expect(power.smallest_effect).toBeCloseTo(0.1 * Math.sqrt(2 / 400) * 2.80159, 5);
  });

  it('falls with those who never open the feed, with comparisons, and with how people differ', () => {
    const base = powerOf(plan).power;
    expect(powerOf({ ...plan, openedShare: 0.5 }).power).toBeLessThan(base);
    expect(powerOf({ ...plan, arms: 3 }).power).toBeLessThan(base);
    expect(powerOf({ ...plan, betweenPeople: 0.1, positionsPerWeek: 100 }).power).toBeGreaterThan(base);
  });

  it('is found by as many simulated studies', () => {
    const { significant_share: share } = simulateStudies({
      studies: 400,
      participants: 800,
      arms,
      effect: 0.2,
      significance: 0.05,
      betweenStrata: 0,
    });
    expect(Math.abs(share - powerOf(plan).power)).toBeLessThan(0.07); // three and a half standard errors
  });
});

describe('1,000 simulated studies without an effect', () => {
  it('find one in 5 of 100, give or take 2', () => {
    const simulated = simulateStudies({
      studies: 1_000,
      participants: 300,
      arms,
      effect: 0,
      significance: 0.05,
      betweenStrata: 0,
    });
    expect(simulated.significant_share).toBeGreaterThanOrEqual(0.03);
    expect(simulated.significant_share).toBeLessThanOrEqual(0.07);
    expect(Math.abs(simulated.mean_difference)).toBeLessThan(0.02);
  });

  it('find fewer where strata explain the outcome, since blocks even them out', () => {
    const options = { studies: 1_000, participants: 300, arms, effect: 0, significance: 0.05 };
    const { significant_share: share } = simulateStudies({ ...options, betweenStrata: 0.5 });
    expect(share).toBeLessThan(0.05);
  });
});

describe('calibration data', () => {
  it('is read by the name of the label, and what is missing is said', async () => {
    const file = path.join(temporaryFolder(), 'days.csv');
    writeFileSync(file, 'date,avg_prob_toxic\n2024-01-01,0.1\n2024-01-02,0.3\n');
    const read = await readCalibration({ calibration: file, label: 'toxic' });
    expect(read.mean).toBeCloseTo(0.2, 12);
    expect(read.standard_deviation_of_days).toBeCloseTo(Math.sqrt(0.02), 12);
    expect(read.standard_deviation_of_posts).toBeCloseTo(0.2, 12); // sqrt(0.2 * 0.8) / 2
    await expect(readCalibration({ calibration: file, label: 'insult' })).rejects.toMatchObject({
      code: 'FT_STUDY_CALIBRATION',
      message: expect.stringContaining('it has date, avg_prob_toxic') as unknown,
    });
  });

  it.skipIf(!hasData)('of the 2024 study gives its means and the spread of its posts', async () => {
    const read = await readCalibration({
      calibration: dataFile('calibration/daily_label_means.csv'),
      posts: dataFile('pilot/pilot_posts.csv'),
      label: 'toxic',
    });
    expect(read.days).toBeGreaterThan(50);
    expect(read.mean).toBeCloseTo(0.13, 1);
    expect(read.posts_from).toBe('posts');
  });
});
