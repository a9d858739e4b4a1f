import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copyToLake, openEngine, openLake } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import {
  amend,
  brokenRecords,
  changedSinceFrozen,
  checkCommitment,
  createStudy,
  enroll,
  freeze,
  listFrozen,
  listParticipants,
  openStudyStore,
  participantsFlowPath,
  seedCommitment,
  studyBalance,
  type Arm,
  type StudyStore,
} from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { editSeed, editedProject } from '../rank/edited-project.ts';

const arms: Arm[] = ['a', 'b', 'c'].map((arm) => ({ arm, weight: 1, status: 'open' }));

/** Accounts that nobody has, told apart by a number. */
const people = (from: number, to: number, stratum?: string) =>
  Array.from({ length: to - from }, (_, i) => ({
    did: `did:plc:${String(from + i)
      .replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)] as string)
      .padStart(24, 'z')}`,
    ...(stratum === undefined ? {} : { stratum }),
  }));

/** A study store of its own; with a seed, the study too, so that chance gives the same arms in every run. */
async function openTrial(seed?: string): Promise<{ config: Config; store: StudyStore }> {
  const folder = temporaryFolder();
  const config = {
    ...configIn(folder, { FEEDTRIAL_LOG_LEVEL: 'silent' }),
    projectRoot: editedProject(folder),
  };
  const store = await openStudyStore(config);
  onTestFinished(() => store.close());
  if (seed !== undefined) {
    await createStudy(store, { study: config.study, seed });
  }
  return { config, store };
}

describe('what a study promised', () => {
  it('is hashed once, and each change of it is recorded with its reason', async () => {
    const { config, store } = await openTrial();
    const outcomes = path.join(config.projectRoot, 'preregistration.md');
    appendFileSync(outcomes, 'mean toxicity');
    await createStudy(store, { study: config.study, seed: 'secret' });
    await expect(amend(store, { reason: 'why' })).rejects.toMatchObject({ code: 'FT_STUDY_NOT_FROZEN' });
    const frozen = await freeze(store, { outcomes: [outcomes], now: () => 1_000 });
    expect(frozen.promised.seed_commitment).toBe(seedCommitment(config.study, 'secret'));
    expect(Object.keys(frozen.promised.files)).toEqual(
      expect.arrayContaining(['seeds/arms.csv', 'models/rank/fct_feeds.sql', 'outcomes/preregistration.md']),
    );
    expect(JSON.stringify(frozen)).not.toContain('"secret"');
    await expect(freeze(store)).rejects.toMatchObject({ code: 'FT_STUDY_FROZEN' });
    await expect(amend(store, { reason: 'why' })).rejects.toMatchObject({ code: 'FT_STUDY_UNCHANGED' });

    editSeed(config.projectRoot, 'arms.csv', (text) => `${text}holdout,default,,1,open,,\n`);
    expect((await changedSinceFrozen(store)).changes).toEqual([{ file: 'seeds/arms.csv', what: 'changed' }]);
    await expect(amend(store, { reason: '  ' })).rejects.toMatchObject({ code: 'FT_STUDY_REASON' });
    const second = await amend(store, { reason: 'a holdout', now: () => 2_000 });
    expect(second).toMatchObject({
      number: 2,
      reason: 'a holdout',
      frozen_us: 2_000_000,
      previous_sha256: frozen.sha256,
    });
    const relabelled = { ...store, config: { ...config, labelProfile: 'demo' as const } };
    expect((await changedSinceFrozen(relabelled)).changes).toEqual([
      { file: 'settings/FEEDTRIAL_LABEL_PROFILE', what: 'changed' },
    ]);
    appendFileSync(outcomes, ' over four weeks');
    await amend(store, { reason: 'outcome made precise', outcomes: [outcomes], now: () => 3_000 });
    const records = await listFrozen(store);
    expect(records.map((one) => one.changes.map((change) => change.file))).toEqual([
      [],
      ['seeds/arms.csv'],
      ['outcomes/preregistration.md'],
    ]);
    expect(brokenRecords(records)).toEqual([]);
  });

  it('has the labels that measure outcomes in it, by labeler and version: another one is a change', async () => {
    const { config, store } = await openTrial();
    const { promised } = await freeze(store, { now: () => 1_000 });
    expect(Object.keys(promised.files)).toEqual(
      expect.arrayContaining([
        'seeds/outcome_labels.csv',
        'seeds/labelers.csv',
        'seeds/label_precedence.csv',
        'models/unify/int_posts__outcome_labels.sql',
      ]),
    );
    // Perspective in place of the student: the same label, measured by somebody else
    editSeed(config.projectRoot, 'outcome_labels.csv', (text) =>
      text.replace(/^toxic,.*$/m, 'toxic,perspective,v1alpha1-2,TOXICITY'),
    );
    expect((await changedSinceFrozen(store)).changes).toEqual([
      { file: 'seeds/outcome_labels.csv', what: 'changed' },
    ]);
  });

  it('shows where a record was changed afterwards', async () => {
    const { config, store } = await openTrial();
    await freeze(store, { now: () => 1_000 });
    editSeed(config.projectRoot, 'arms.csv', (text) => `${text}holdout,default,,1,open,,\n`);
    await amend(store, { reason: 'the true reason' });
    await store.db.updateTable('frozen').set({ reason: 'another' }).where('number', '=', 2).execute();
    expect(brokenRecords(await listFrozen(store))).toEqual([2]);
    expect((await changedSinceFrozen(store)).broken).toEqual([2]);
  });
});

describe('the randomisation', () => {
  it('of 1,000 people keeps arms even in every stratum, and the committed seed gives every block', async () => {
    const { store } = await openTrial('one draw of many');
    await enroll(store, { people: [...people(0, 700, 'young'), ...people(700, 1_000, 'old')], arms });
    const balance = await studyBalance(store);
    for (const stratum of ['young', 'old']) {
      const sizes = balance.rows.filter((row) => row.stratum === stratum).map((row) => row.enrolled);
      expect(sizes).toHaveLength(3);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(3); // the last block holds an arm three times at most
    }
    expect(balance.assigned.p).toBeGreaterThan(0.9);
    expect(balance.commitment.altered).toEqual([]);
    expect(balance.first_served).toBeNull();

    const [block] = await store.db.selectFrom('blocks').selectAll().where('stratum', '=', 'old').execute();
    const turned = (JSON.parse(block?.sequence ?? '[]') as string[]).map((arm) =>
      arm === 'a' ? 'b' : arm === 'b' ? 'a' : arm,
    );
    await store.db
      .updateTable('blocks')
      .set({ sequence: JSON.stringify(turned) })
      .where('stratum', '=', 'old')
      .where('block', '=', block?.block ?? 0)
      .execute();
    expect((await checkCommitment(store)).altered).toEqual([{ stratum: 'old', block: block?.block }]);
  }, 120_000);

  it('goes on with a new block where an arm is closed or added, and gives the closed one nobody', async () => {
    const { store } = await openTrial('one draw of many');
    await enroll(store, { people: people(0, 50), arms });
    const changed: Arm[] = [
      { arm: 'a', weight: 1, status: 'closed' },
      { arm: 'b', weight: 1, status: 'open' },
      { arm: 'd', weight: 2, status: 'open' },
    ];
    await enroll(store, { people: people(50, 350), arms: changed });
    const later = (await listParticipants(store)).slice(50);
    const count = (arm: string) => later.filter((one) => one.arm === arm).length;
    expect(count('a') + count('c')).toBe(0);
    expect(Math.abs(count('d') - 2 * count('b'))).toBeLessThanOrEqual(6);
    expect((await studyBalance(store)).assigned.p).toBeGreaterThan(0.5);
  }, 120_000);

  it('shows where one arm is not served as it should be, and where arms differed before', async () => {
    const { config, store } = await openTrial('one draw of many');
    await enroll(store, { people: people(0, 300), arms });
    const all = await listParticipants(store);
    // every second member of arm b is never served; members of arm c follow twice as many
    let members = 0;
    const rows = all.map((one, i) => {
      const served = one.arm !== 'b' || members++ % 2 === 1;
      return `('${one.participant_id}', '${config.study}', '${one.arm}', '${one.stratum}', 'active', ${one.enrolled_us}, ${served ? 5 : 'NULL'}, ${served ? 10 : 0}, ${served}, ${(one.arm === 'c' ? 200 : 100) + (i % 7)}, ${i % 5}, ${i % 3})`;
    });
    const engine = await openEngine();
    try {
      await copyToLake(
        openLake(config.privateLake),
        engine,
        `SELECT * FROM (VALUES ${rows.join(', ')}) AS t(participant_id, study, arm, stratum, status, enrolled_us, first_served_us, positions_own_feed, is_analysed, follows, likes_before_enrolment, posts_before_enrolment)`,
        participantsFlowPath,
      );
    } finally {
      await engine.close();
    }
    const balance = await studyBalance(store);
    expect(balance.first_served?.p).toBeLessThan(0.001);
    expect(balance.analysed?.p).toBeLessThan(0.001);
    const follows = balance.covariates.find((one) => one.covariate === 'follows');
    expect(follows?.largest_difference).toBeGreaterThan(1);
    expect(follows?.between).toContain('c');
    expect(
      balance.covariates.find((one) => one.covariate === 'likes_before_enrolment')?.largest_difference,
    ).toBeLessThan(0.4);
    const exposed = balance.exposure.find((one) => one.arm === 'a');
    expect(exposed?.served).toBe(exposed?.participants);
    expect(exposed?.analysed).toBe(exposed?.participants);
  }, 120_000);
});
