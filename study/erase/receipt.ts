import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { studyErrors } from '../errors.ts';
import type { StudyStore } from '../store/open.ts';

const place = z.object({
  place: z.string(),
  /** Files that were looked into when all was done, and how large they are. */
  searched: z.number().int(),
  bytes: z.number().int(),
  /** Files that were changed or removed. */
  rewritten: z.number().int(),
  /** Files that can not be looked into, such as packed ones: nobody can say what is in them. */
  unsearched: z.array(z.string()),
});

const receiptSchema = z.object({
  format: z.literal('erasure/1'),
  receipt_id: z.string(),
  study: z.string(),
  /** HMAC-SHA256 of the account's DID under `key`: whoever holds the receipt and knows the DID can tell whose it is. */
  subject_hash: z.string(),
  key: z.string(),
  begun_at: z.string(),
  done_at: z.string(),
  places: z.array(place),
  /** What this does not reach, in words. */
  not_reached: z.array(z.string()),
  /** HMAC-SHA256 of all of the above under a key of the study. */
  signature: z.string(),
});

export type Receipt = z.infer<typeof receiptSchema>;
export type ReceiptPlace = z.infer<typeof place>;

export const newReceiptId = (random: (size: number) => Buffer = randomBytes): string =>
  `e_${random(8).toString('hex')}`;

export const subjectHash = (key: string, did: string): string =>
  createHmac('sha256', key).update(did).digest('hex');

const sign = (body: Omit<Receipt, 'signature'>, studyKey: string): string =>
  createHmac('sha256', `erasure receipt ${studyKey}`).update(JSON.stringify(body)).digest('hex');

export function makeReceipt(body: Omit<Receipt, 'signature'>, studyKey: string): Receipt {
  const ordered = receiptSchema.omit({ signature: true }).parse(body); // in the schema's order
  return { ...ordered, signature: sign(ordered, studyKey) };
}

/** @throws FeedtrialError FT_STUDY_RECEIPT where the text is no receipt */
export function parseReceipt(text: string): Receipt {
  try {
    return receiptSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw studyErrors.badReceipt('it is not the JSON that an erasure leaves', cause);
  }
}

/**
 * Whether a receipt is this study's, unchanged, and (where a DID is given) of that account.
 * @throws FeedtrialError FT_STUDY_RECEIPT saying what is wrong
 */
export async function checkReceipt(
  store: Pick<StudyStore, 'db'>,
  receipt: Receipt,
  did?: string,
): Promise<void> {
  const study = await store.db
    .selectFrom('studies')
    .select('feed_context_key')
    .where('study', '=', receipt.study)
    .executeTakeFirst();
  if (study === undefined) throw studyErrors.badReceipt(`there is no study '${receipt.study}' here`);
  const { signature, ...body } = receipt;
  const expected = sign(body, study.feed_context_key);
  if (signature.length !== expected.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(expected)))
    throw studyErrors.badReceipt("it doesn't bear this study's signature: it was changed, or is another's");
  if (did !== undefined && subjectHash(receipt.key, did) !== receipt.subject_hash)
    throw studyErrors.badReceipt('it is of another account');
}
