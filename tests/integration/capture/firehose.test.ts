import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { readSeals } from '../../../lake/index.ts';
import { expectedEvents, hasData, realDidDocuments, realFrames } from '../../data.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import {
  spooledRows,
  startPlcDouble,
  startRelayDouble,
  type PlcDouble,
  type RelayDouble,
} from '../../relay/index.ts';

silenceProgress();

describe.skipIf(!hasData)('the 150 real frames, captured and verified', () => {
  let relay: RelayDouble;
  let plc: PlcDouble;
  beforeAll(async () => {
    relay = await startRelayDouble({ frames: realFrames() });
    plc = await startPlcDouble(realDidDocuments());
  });
  afterAll(async () => {
    await relay.close();
    await plc.close();
  });

  it.each([
    ['fast', 2],
    ['fast', 0],
    ['reference', 0],
  ] as const)(
    'become the events that Jetstream made of them (%s decoder, %i threads)',
    async (decoder, threads) => {
      const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: String(threads) });
      const summary = await capture({
        config,
        source: 'firehose',
        url: relay.url,
        plcUrl: plc.url,
        maxEvents: 150,
        decoder,
      });
      expect(summary).toMatchObject({
        stoppedBy: 'max-events',
        events: 150,
        rows: { record: 150, identity: 1, account: 1 },
        rejected: {},
        disagreements: 0,
        cursor: 31527015471,
      });
      const rows = spooledRows(config.spool);
      const records = rows.filter(({ t }) => t === 'record');
      expect(records.every(({ verified, live, source }) => verified && live && source === 'firehose')).toBe(
        true,
      );
      expect(
        records.map(({ did, rev, collection, rkey, operation, cid, record }) => ({
          did,
          rev,
          collection,
          rkey,
          operation,
          cid,
          record,
        })),
      ).toEqual(
        expectedEvents()
          .filter(({ kind }) => kind === 'commit')
          .map(({ did, commit }) => ({ cid: null, record: null, did, ...(commit as object) })),
      );
      expect(rows.filter(({ t }) => t === 'identity' || t === 'account')).toMatchObject([
        { t: 'identity', did: 'did:plc:hqvhxrowqbemo5e4wjnj6zao', seq: 31527015470, handle: null },
        {
          t: 'account',
          did: 'did:plc:hqvhxrowqbemo5e4wjnj6zao',
          seq: 31527015471,
          active: true,
          status: null,
        },
      ]);
      expect(records[0]).toMatchObject({ seq: 31527015322, event_us: 1783175887517000 });
      expect(readSeals(config.spool, 'firehose').at(-1)).toMatchObject({
        cursor: 31527015471,
        recovered: false,
      });
    },
  );
});
