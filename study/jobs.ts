import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { studyErrors } from './errors.ts';
import { writeTo, type StudyStore } from './store/open.ts';

export interface JobLease {
  /** Says that the job goes on; call it more often than every `forMs`. @throws FeedtrialError FT_STUDY_JOB_HELD where it was lost */
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** Whether a holder is a process of this machine that is dead. One that was killed needn't be waited for. */
function isDead(holder: string): boolean {
  const prefix = `${os.hostname()} process `;
  const pid = holder.startsWith(prefix) ? Number.parseInt(holder.slice(prefix.length), 10) : NaN;
  if (Number.isNaN(pid)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/**
 * Takes a job that must not run twice at once, on whatever machine. A holder that says nothing for `forMs` has lost it: jobs
 * that hold one must bear to be done again from where they stand.
 * @throws FeedtrialError FT_STUDY_JOB_HELD naming who has it
 */
export async function takeJob(
  store: StudyStore,
  job: string,
  { forMs = 120_000, now = Date.now }: { forMs?: number; now?: () => number } = {},
): Promise<JobLease> {
  const holder = `${os.hostname()} process ${process.pid} (${randomUUID()})`;
  const claim = async (): Promise<void> => {
    const nowUs = Math.round(now() * 1000);
    const expires_us = nowUs + forMs * 1000;
    await writeTo(store, async (transaction) => {
      await transaction
        .insertInto('job_leases')
        .values({ job, holder, taken_us: nowUs, expires_us })
        .onConflict((conflict) =>
          conflict
            .column('job')
            .doUpdateSet({ holder, taken_us: nowUs, expires_us })
            .where((where) =>
              where.or([where('job_leases.expires_us', '<', nowUs), where('job_leases.holder', '=', holder)]),
            ),
        )
        .execute();
      const held = await transaction
        .selectFrom('job_leases')
        .selectAll()
        .where('job', '=', job)
        .executeTakeFirstOrThrow();
      if (held.holder === holder) return;
      if (isDead(held.holder))
        await transaction
          .updateTable('job_leases')
          .set({ holder, taken_us: nowUs, expires_us })
          .where('job', '=', job)
          .execute();
      else
        throw studyErrors.jobHeld(
          job,
          held.holder.replace(/ \(.*/, ''),
          new Date(held.expires_us / 1000).toISOString(),
        );
    });
  };
  await claim();
  return {
    renew: claim,
    async release() {
      await store.db.deleteFrom('job_leases').where('job', '=', job).where('holder', '=', holder).execute();
    },
  };
}
