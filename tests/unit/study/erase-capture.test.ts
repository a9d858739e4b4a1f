import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openChainStore } from '../../../extract/capture/chain/store.ts';
import { openRetries } from '../../../extract/capture/firehose/retries.ts';
import { eraseFromChain } from '../../../study/erase/spool.ts';
import { temporaryFolder } from '../../folders.ts';

const gone = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';
const stays = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb';

it('what capture keeps beside its segments of someone who is erased goes, and of others stays', () => {
  const spool = temporaryFolder();
  eraseFromChain(spool, { did: gone }); // nothing is there yet
  const chain = openChainStore(spool);
  const retries = openRetries(spool, [60_000], () => 0);
  const at = { cursor: 1, us: 1 };
  const state = { rev: '3lrev', data: '00'.repeat(8), seq: 1, eventUs: 1 };
  chain.save(new Map([gone, stays].map((did) => [did, state])), at);
  for (const did of [gone, stays]) {
    const gap = { gap_id: did, did } as never;
    chain.setBreak(did, { gap, rev: 'a', data: 'b', untilRev: 'c', untilData: null });
    retries.add(Buffer.from(`\u0000a frame of ${did}\u0000`), 1, 1);
  }
  chain.close();
  retries.close();
  eraseFromChain(spool, { did: gone });
  const later = openChainStore(spool);
  expect([gone, stays].map((did) => [later.get(did) !== null, later.breakOf(did) !== null])).toEqual([
    [false, false],
    [true, true],
  ]);
  later.close();
  const left = openRetries(spool, [60_000], () => 60_000);
  expect(left.takeDue().flatMap(({ frames }) => frames.map(String))).toEqual([
    `\u0000a frame of ${stays}\u0000`,
  ]);
  left.close();
  for (const file of fs.readdirSync(spool, { recursive: true, withFileTypes: true }))
    if (file.isFile())
      expect(fs.readFileSync(path.join(file.parentPath, file.name)).includes(gone), file.name).toBe(false);
});
