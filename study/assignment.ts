import { hash } from 'node:crypto';
import type { Arm } from './arms.ts';
import { studyErrors } from './errors.ts';

/** What a block's draw depends on, and nothing else. */
export interface BlockKey {
  /** The study's seed. Who knows it can foresee assignments: it stays in the study store. */
  seed: string;
  study: string;
  stratum: string;
  /** Number of the block within its stratum, from 0. */
  block: number;
}

/** A block holds each open arm this many times its weight, drawn evenly: its end can't be foreseen by counting. */
const multiples = [1, 2, 3] as const;

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

// JSON keeps ('a', 'bc') and ('ab', 'c') apart.
const digest = (key: BlockKey, ...parts: (string | number)[]): string =>
  hash('sha256', JSON.stringify([key.seed, key.study, key.stratum, key.block, ...parts]), 'hex');

/**
 * One permuted block: the arms that its participants get, in order of enrolment. Every place comes from SHA-256 of the
 * key, so that the same study can be drawn again anywhere.
 * @example weights 1, 1 and a multiple of 2 give four places, two an arm, in one of six orders
 * @throws FeedtrialError FT_STUDY_ARMS_CLOSED where no open arm has a weight
 */
export function drawBlock(key: BlockKey, arms: readonly Arm[]): string[] {
  const open = openArms(arms);
  const unit = open.reduce((common, { weight }) => divisor(common, weight), 0);
  const draw = Number.parseInt(digest(key, 'size').slice(0, 12), 16); // 48 bits: its modulo's bias is below 1e-13
  const multiple = multiples[draw % multiples.length] as number;
  return open
    .flatMap(({ arm, weight }) =>
      Array.from({ length: (weight / unit) * multiple }, (_, copy) => ({
        arm,
        order: digest(key, 'place', arm, copy),
      })),
    )
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ arm }) => arm);
}

/** Arms that take new participants, by name. */
function openArms(arms: readonly Arm[]): Arm[] {
  const open = arms
    .filter(({ status, weight }) => status === 'open' && weight > 0)
    .sort((a, b) => (a.arm < b.arm ? -1 : 1));
  if (open.length === 0) throw studyErrors.noOpenArm();
  return open;
}

/** Names the open arms and their weights: a block is left unfinished when this changes, never bent. */
export function armsDigest(arms: readonly Arm[]): string {
  return hash('sha256', JSON.stringify(openArms(arms).map(({ arm, weight }) => [arm, weight])), 'hex');
}
