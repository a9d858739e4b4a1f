import { openLake } from '../../../lake/index.ts';
import { takeLease, type Lease } from '../../../ops/cycle/index.ts';

/**
 * What two machines give `compact` as `hold`, so that both ask for the lease of one lake at the same moment, and the one that gets it
 * works on only when the other was refused.
 */
export function racingHolds(lakeRoot: string): (host: string) => () => Promise<Lease> {
  const bothAsk = Promise.withResolvers<null>();
  const oneRefused = Promise.withResolvers<null>();
  let asking = 0;
  return (host) => async () => {
    asking += 1;
    if (asking === 2) bothAsk.resolve(null);
    await bothAsk.promise;
    try {
      const lease = await takeLease({ lake: openLake(lakeRoot), name: 'compaction', runId: host, host });
      await oneRefused.promise;
      return lease;
    } catch (error) {
      oneRefused.resolve(null);
      throw error;
    }
  };
}
