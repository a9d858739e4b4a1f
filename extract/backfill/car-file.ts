import fs from 'node:fs';
import { decode } from '@atcute/cbor';
import { collectionFilter } from '../capture/index.ts';
import { backfillErrors } from './errors.ts';
import { checked, Failure } from './failure.ts';
import { nameTargets, openKnown } from './known.ts';
import { tryAgain } from './network/ask.ts';
import { openResolver, writeRepository } from './repositories.ts';
import { readCar } from './repository/read-car.ts';
import { tidMicroseconds } from './repository/tid.ts';
import { verifyRepository } from './repository/verify.ts';
import { runBackfill, type BackfillOptions, type BackfillSummary } from './session.ts';

export interface CarFileOptions extends BackfillOptions {
  file: string;
  /** Takes it also where its signing key can't be had; its rows then say so. Default false. */
  allowUnverified?: boolean | undefined;
}

/**
 * Takes a repository from a file that was exported. It may be older than what the lake has: rows are ordered by revision.
 * @throws FeedtrialError FT_BACKFILL_FILE, FT_BACKFILL_CAR where it isn't whole or not its owner's, FT_BACKFILL_UNVERIFIED
 */
export async function backfillCarFile(options: CarFileOptions): Promise<BackfillSummary> {
  const { config, file, allowUnverified = false } = options;
  const patterns = options.collections ?? config.collections;
  try {
    fs.accessSync(file, fs.constants.R_OK);
  } catch (error) {
    throw backfillErrors.noFile(file, error);
  }
  return runBackfill(options, 'repository', async (session) => {
    session.summary.asked = 1;
    try {
      const source = fs.createReadStream(file, { highWaterMark: 1 << 20 });
      const blocks = await checked(() =>
        readCar(source as AsyncIterable<Buffer>, { maxBytes: session.asking.maxBytes }),
      );
      try {
        const { did } = decode(blocks.block(blocks.root)) as { did?: unknown };
        if (typeof did !== 'string')
          throw new Failure('malformed_car', 'its root is no commit', { transient: false });
        const resolve = openResolver(session, options);
        const tried = await tryAgain(session.asking, session.patience, () => resolve(did));
        const account = 'value' in tried ? tried.value : null;
        if ('failure' in tried && !allowUnverified)
          throw backfillErrors.unverified(file, did, tried.failure.message);
        const repository = await checked(() => verifyRepository(blocks, did, account?.key ?? null));
        // rows are ordered by revision: nobody may claim one that comes after all that is still to be captured
        const revUs = tidMicroseconds(repository.rev);
        if (!repository.signed && (revUs === null || revUs > session.nowUs()))
          throw new Failure('malformed_car', `its revision '${repository.rev}' is none of the past`, {
            transient: false,
          });
        if (options.dryRun === true) {
          session.summary.records = repository.records;
          return;
        }
        await nameTargets(session.engine, [did]);
        await writeRepository(
          session,
          blocks,
          repository,
          {
            known: await openKnown(session.engine, session.lake),
            keeps: collectionFilter(patterns),
            collections: [...patterns].sort().join(','),
            gaps: [], // it may be older than they are
            askedUs: session.nowUs(),
          },
          { host: null, attempts: 1 },
        );
      } finally {
        blocks.close();
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw backfillErrors.carRefused(file, error.reason, error.message);
    }
  });
}
