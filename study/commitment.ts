import { hash } from 'node:crypto';
import { drawBlock } from './assignment.ts';
import type { StudyStore } from './store/open.ts';
import { getStudy } from './studies.ts';

/**
 * What may be published before the first person is enrolled: it binds the study to its seed and doesn't give it away. When the
 * study is over and the seed is published, anybody can hash it and draw every block again.
 * @returns sha256 of `feedtrial-seed/1`, the study and the seed, a line each
 */
export function seedCommitment(study: string, seed: string): string {
  return hash('sha256', `feedtrial-seed/1\n${study}\n${seed}`, 'hex');
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

export interface Commitment {
  study: string;
  commitment: string;
  blocks: number;
  /** Blocks that the seed does not give; none in a study that nobody has touched. */
  altered: { stratum: string; block: number }[];
}

/**
 * The study's commitment, and whether its seed still gives every block that was dealt from.
 * @throws FeedtrialError FT_STUDY_UNKNOWN
 */
export async function checkCommitment(store: StudyStore, study = store.config.study): Promise<Commitment> {
  const { seed } = await getStudy(store, study);
  const blocks = await store.db
    .selectFrom('blocks')
    .select(['stratum', 'block', 'sequence'])
    .where('study', '=', study)
    .orderBy('stratum')
    .orderBy('block')
    .execute();
  const altered = blocks.filter(({ stratum, block, sequence }) => {
    const dealt = JSON.parse(sequence) as string[];
    const counts = Object.entries(Object.groupBy(dealt, (arm) => arm)).map(
      ([arm, places]) => [arm, places?.length ?? 0] as const,
    );
    const unit = counts.reduce((common, [, count]) => divisor(common, count), 0);
    const arms = counts.map(([arm, count]) => ({ arm, weight: count / unit, status: 'open' as const }));
    const drawn = drawBlock({ seed, study, stratum, block: Number(block) }, arms);
    return JSON.stringify(drawn) !== JSON.stringify(dealt);
  });
  return {
    study,
    commitment: seedCommitment(study, seed),
    blocks: blocks.length,
    altered: altered.map(({ stratum, block }) => ({ stratum, block: Number(block) })),
  };
}
