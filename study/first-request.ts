import { nextRevision } from './enroll.ts';
import { writeTo, type StudyStore } from './store/open.ts';

/**
 * Notes that a participant asked for the feed with a token that they signed: who was pending is active from then on, since
 * the account is now known to be theirs to use. Harmless to repeat; the first time stands.
 * @returns whether it was the first
 */
export async function noteFirstRequest(
  store: StudyStore,
  { study, participantId, askedUs }: { study: string; participantId: string; askedUs: number },
): Promise<boolean> {
  return writeTo(store, async (transaction) => {
    const revision = await nextRevision(transaction, study);
    const { numUpdatedRows } = await transaction
      .updateTable('participants')
      .set((set) => ({
        first_request_us: askedUs,
        status: set
          .case()
          .when('status', '=', 'pending')
          .then('active' as const)
          .else(set.ref('status'))
          .end(),
        revision,
      }))
      .where('participant_id', '=', participantId)
      .where('study', '=', study)
      .where('first_request_us', 'is', null)
      .where('status', '<>', 'withdrawn')
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  });
}
