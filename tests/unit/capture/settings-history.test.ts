import { describe, expect, it } from 'vitest';
import {
  leftOutGaps,
  newlyKept,
  serverOf,
  withKept,
} from '../../../extract/capture/stream/settings-history.ts';

const post = 'app.bsky.feed.post';
const like = 'app.bsky.feed.like';

describe('which collections were left out, and since when', () => {
  it.each([
    [[], [post], []],
    [[[0, [post]]], [post], []],
    [[[0, []]], [post], []],
    [[[0, [post]]], [post, like], [[like, 0]]],
    [
      [
        [0, []],
        [5, [post]],
      ],
      [post, like],
      [[like, 5]],
    ],
    [
      [
        [0, [post]],
        [5, [post, 'app.bsky.graph.follow']],
      ],
      [post, like],
      [[like, 0]],
    ],
    [
      [
        [0, [like]],
        [5, [post]],
      ],
      [like],
      [[like, 5]],
    ],
    [[[3, [post]]], [], [['*', 3]]],
    [[[3, ['app.bsky.*']]], ['app.bsky.graph.*', like], []],
    [[[3, [post]]], ['app.bsky.feed.*'], [['app.bsky.feed.*', 3]]],
  ] as [[number, string[]][], string[], [string, number][]][])(
    '%j, then %j: missed %j',
    (past, now, missed) => {
      const kept = past.map(([sinceUs, collections]) => ({ sinceUs, collections }));
      expect(newlyKept(kept, now)).toEqual(missed.map(([collection, sinceUs]) => ({ collection, sinceUs })));
    },
  );

  it('an order of names is no change, another filter is', () => {
    const first = withKept(null, 'wss://a/', [post, like], 1);
    expect(withKept(first, 'wss://a/', [like, post], 2)).toEqual(first);
    expect(withKept(first, 'wss://a/', [post], 2).kept).toHaveLength(2);
  });

  it('a server is its host, port and path', () => {
    expect(serverOf(new URL('wss://user:secret@host:9/path?x=1'))).toBe('wss://host:9/path');
  });
});

describe('a collection that the models know', () => {
  const known = ['app.bsky.feed.post', 'app.bsky.feed.like'];
  const at = { cursor: 7, us: 500 };
  const gaps = (kept: [number, string[]][], now: string[]) =>
    leftOutGaps(
      'firehose',
      kept.map(([sinceUs, collections]) => ({ sinceUs, collections })),
      now,
      known,
      at,
    ).map(({ collection, from_us: from, to_us: to }) => [collection, from, to]);

  it('has a gap without an end from when it is left out, and its end from when it is kept again, whatever says so', () => {
    expect(gaps([], [])).toEqual([]);
    expect(gaps([], ['app.bsky.feed.post'])).toEqual([['app.bsky.feed.like', 500, null]]);
    expect(gaps([[100, []]], ['app.bsky.feed.post'])).toEqual([['app.bsky.feed.like', 500, null]]);
    const left: [number, string[]][] = [
      [100, []],
      [200, ['app.bsky.feed.post']],
    ];
    expect(gaps(left, ['app.bsky.feed.post'])).toEqual([]); // said already
    for (const again of [[], ['app.bsky.feed.*'], known])
      expect(gaps(left, again)).toEqual([['app.bsky.feed.like', 200, 500]]);
  });
});
