import { describe, expect, it } from 'vitest';
import { findTombstones } from '../../../extract/capture/tombstones/find.ts';
import { openTombstonePublisher } from '../../../extract/capture/tombstones/publish.ts';
import { liveTombstoneFolder, openLake, readLiveTombstones } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';

const us = 1_783_175_888_000_000;
const firehose = (row: object): string =>
  JSON.stringify({ t: 'record', seq: 1, event_us: us, did: 'did:plc:a', ingested_at: us + 5, ...row });
const deletion = (rkey: string, more: object = {}): string =>
  firehose({ collection: 'app.bsky.feed.post', rkey, operation: 'delete', cid: null, record: null, ...more });
const account = (active: boolean): string =>
  `{"t":"account","seq":2,"event_us":${us},"did":"did:plc:a","ingested_at":${us},"source":"firehose","active":${active},"status":null}`;
const commit = { operation: 'delete', collection: 'app.bsky.feed.post', rkey: 'j' };

describe('deletions among the lines of a spool', () => {
  it('are found in every format, and nothing else is', () => {
    const lines = [
      firehose({ collection: 'app.bsky.feed.post', rkey: 'x', operation: 'create', record: { text: 'hi' } }),
      // what somebody wrote can't be mistaken for it
      firehose({ operation: 'create', record: { text: '"operation":"delete" {"t":"account"' } }),
      deletion('y'),
      deletion('z', { collection: 'app.bsky.feed.like' }),
      account(false),
      `{"i":${us},"e":${JSON.stringify({ did: 'did:plc:b', time_us: us, kind: 'commit', commit })}}`,
      `{"i":${us},"e":${JSON.stringify({ did: 'did:plc:c', time_us: us, kind: 'account', account: { active: true } })}}`,
      `{"i":${us},"t":${us},"m":{"$type":"message","payload":${JSON.stringify({ $type: 'network.bsky.jetstream.subscribeEvents#commit', did: 'did:plc:d', ...commit })}}}`,
      `{"i":${us},"t":${us},"m":{"$type":"message","payload":${JSON.stringify({ $type: 'network.bsky.jetstream.subscribeEvents#account', did: 'did:plc:e', account: { active: false } })}}}`,
      deletion('w', { event_us: us + 3_600_000_000 }), // a clock that is an hour ahead
      '{"operation":"delete", and no JSON',
      deletion('last'),
    ];
    const record = (did: string, rkey: string) => ({
      kind: 'record',
      did,
      uri: `at://${did}/app.bsky.feed.post/${rkey}`,
      hidden: true,
    });
    const expected = [
      record('did:plc:a', 'y'),
      { kind: 'account', did: 'did:plc:a', uri: null, hidden: true },
      record('did:plc:b', 'j'),
      { kind: 'account', did: 'did:plc:c', uri: null, hidden: false },
      record('did:plc:d', 'j'),
      { kind: 'account', did: 'did:plc:e', uri: null, hidden: true },
      { ...record('did:plc:a', 'w'), event_us: us + 5 },
      record('did:plc:a', 'last'),
    ].map((row) => ({ event_us: us, ...row }));
    expect(findTombstones(Buffer.from(`${lines.join('\n')}\n`))).toEqual(expected);
    expect(findTombstones(Buffer.from(lines.join('\n')))).toEqual(expected);
  });
});

describe('what the feed server is told of them', () => {
  it('is in files that grow, one after another, and those that no feed can need any more go', async () => {
    const lake = openLake(temporaryFolder());
    let nowMs = 1_783_175_888_000;
    const told = async (): Promise<string[][]> => {
      const files = await lake.list(liveTombstoneFolder);
      return Promise.all(
        files.map(async ({ path }) =>
          readLiveTombstones((await lake.read(path)) as Uint8Array).map(
            ({ uri }) => uri?.split('/').at(-1) ?? '',
          ),
        ),
      );
    };
    const run = (runId: string) =>
      openTombstonePublisher({ lake, stream: 'firehose', runId, everyMs: 3_600_000, now: () => nowMs });
    const first = run('one');
    first.see(deletion('a'));
    first.see(Buffer.from(deletion('b')));
    await first.close();
    expect(await told()).toEqual([['a', 'b']]);
    nowMs += 700_000;
    const second = run('two');
    second.see('nothing of interest');
    await second.close();
    expect(await told()).toEqual([['a', 'b']]);
    const third = run('three');
    nowMs += 7 * 86_400_000;
    third.see(deletion('c'));
    await third.close();
    expect(await told()).toEqual([]); // its file began seven days ago as well
  });

  it('waits where the lake takes nothing', async () => {
    const lake = openLake(temporaryFolder());
    let full = true;
    const failing = {
      ...lake,
      list: lake.list.bind(lake),
      write: async (path: string, content: string) => {
        if (full) throw new Error('no room');
        await lake.write(path, content);
      },
    };
    const publisher = openTombstonePublisher({ lake: failing, stream: 'firehose', runId: 'r', everyMs: 5 });
    publisher.see(deletion('a'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await lake.list(liveTombstoneFolder)).toEqual([]);
    full = false;
    await publisher.close();
    expect(await lake.list(liveTombstoneFolder)).toHaveLength(1);
  });
});
