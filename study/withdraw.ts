import { newRunId, runStage } from '../ops/telemetry/index.ts';
import { nextRevision, type Participant } from './enroll.ts';
import { findParticipant } from './participants.ts';
import { publishRoster } from './roster.ts';
import { getStudy } from './studies.ts';
import { writeTo, type StudyStore } from './store/open.ts';

export interface WithdrawOptions {
  /** The account's DID, or its participant id. */
  who: string;
  /** Default the configured study. */
  study?: string;
  dag?: string;
  runId?: string;
  now?: () => number;
}

/**
 * Ends someone's part in the study: the feed server gives them the default feed from the next request, and ranking makes
 * no feed for them any more. Harmless to repeat; the first time stands.
 * @throws FeedtrialError FT_STUDY_UNKNOWN, FT_STUDY_NOT_ENROLLED
 */
export async function withdraw(
  store: StudyStore,
  options: WithdrawOptions,
): Promise<{ participant: Participant; isNew: boolean }> {
  const { dag = 'study', runId = newRunId(), now = Date.now } = options;
  return runStage({ config: store.config, dag, runId, stage: 'withdraw', now }, async (stage) => {
    const outcome = await withdrawParticipant(store, options);
    await publishRoster(store);
    stage.records = outcome.isNew ? 1 : 0;
    return outcome;
  });
}

/** The same without a word to the lake: the next cycle publishes the roster, and serving knows at once. */
export async function withdrawParticipant(
  store: StudyStore,
  { who, study: name = store.config.study, now = Date.now }: WithdrawOptions,
): Promise<{ participant: Participant; isNew: boolean }> {
  const { study } = await getStudy(store, name);
  return writeTo(store, async (transaction) => {
    const revision = await nextRevision(transaction, study);
    const participant = await findParticipant({ db: transaction }, who, study);
    if (participant.status === 'withdrawn') return { participant, isNew: false };
    const change = { status: 'withdrawn' as const, withdrawn_us: Math.round(now() * 1000), revision };
    await transaction
      .updateTable('participants')
      .set(change)
      .where('participant_id', '=', participant.participant_id)
      .execute();
    return { participant: { ...participant, ...change }, isNew: true };
  });
}
