import { afterEach, describe, expect, it } from 'vitest';
import { capture, type CaptureOptions } from '../../../extract/capture/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { hasData, realDidDocuments, realFrames } from '../../data.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows, startPlcDouble, startRelayDouble } from '../../relay/index.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const config = (): Config => configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
const gaps = (own: Config, kind: string) => spooledRows(own.spool).filter((row) => row.kind === kind);

describe.skipIf(!hasData)('settings that change between two captures', () => {
  const frames = hasData ? realFrames() : [];
  const start = async (some: Buffer[]) => {
    const relay = await startRelayDouble({ frames: some });
    const plc = await startPlcDouble(realDidDocuments());
    open.push(relay, plc);
    const run = (own: Config, more: Partial<CaptureOptions>) =>
      capture({
        config: own,
        source: 'firehose',
        url: relay.url,
        plcUrl: plc.url,
        idleExitSeconds: 10,
        ...more,
      });
    return { relay, run };
  };

  it("another relay's cursor is not asked for: it begins with what is new, and the gap stays open", async () => {
    const own = config();
    const one = await start(frames.slice(0, 20));
    const first = await one.run(own, { maxEvents: 20 });
    const other = await start(frames.slice(50, 70));
    const second = await other.run(own, { maxEvents: 20 });
    expect(other.relay.cursors).toEqual([null]);
    expect(second.changedFrom).toContain(one.relay.url);
    const [opened, stands] = gaps(own, 'source_changed');
    expect(opened).toMatchObject({ state: 'open', from_seq: first.cursor, to_seq: null });
    expect(stands).toMatchObject({
      gap_id: opened?.gap_id,
      state: 'open',
      from_seq: first.cursor,
      to_seq: (first.cursor as number) + 31,
    });
    const third = await other.run(own, { idleExitSeconds: 0.5 });
    expect(third.changedFrom).toBeNull();
    expect(other.relay.cursors).toEqual([null, second.cursor]);
  });

  it('the same relay at another address goes on, if the operator says so', async () => {
    const own = config();
    const one = await start(frames.slice(0, 20));
    const first = await one.run(own, { maxEvents: 20 });
    const moved = await start(frames.slice(0, 40));
    await moved.run(own, { maxEvents: 20, sameServer: true });
    expect(moved.relay.cursors).toEqual([first.cursor]);
    expect(gaps(own, 'source_changed')).toEqual([]);
  });

  it('a collection that is kept anew has a gap from when it was left out, and what is left out is counted', async () => {
    const own = config();
    const { run } = await start(frames);
    const first = await run(own, { maxEvents: 50, collections: ['app.bsky.feed.post'] });
    expect(Object.keys(first.leftOut)).toContain('app.bsky.feed.like');
    const second = await run(own, {
      maxEvents: 50,
      collections: ['app.bsky.feed.post', 'app.bsky.feed.like'],
    });
    expect(second.newlyKept.map(({ collection }) => collection)).toEqual(['app.bsky.feed.like']);
    const of = (collection: string) =>
      gaps(own, 'collections_changed').filter((stated) => stated.collection === collection);
    // said when it began to be left out, and once more when that ended
    const [began, gap, ...more] = of('app.bsky.feed.like');
    expect(more).toEqual([]);
    expect(began).toMatchObject({ state: 'open', to_us: null, gap_id: gap?.gap_id, from_us: gap?.from_us });
    // what nobody has asked for again has no end
    expect(of('app.bsky.feed.repost').map(({ to_us: to }) => to)).toEqual([null]);
    expect(of('app.bsky.feed.post')).toEqual([]);
    expect(gap).toMatchObject({ state: 'open', collection: 'app.bsky.feed.like', to_seq: first.cursor });
    expect(gap?.to_us).toBe(first.eventUs);
    const third = await run(own, {
      maxEvents: 50,
      collections: ['app.bsky.feed.like', 'app.bsky.feed.post'],
    });
    expect(third.newlyKept).toEqual([]);
    const runs = spooledRows(own.spool, 'runs').map((row) => row as Record<string, unknown>);
    const detail = JSON.parse(runs.find(({ status }) => status === 'done')?.detail as string) as {
      leftOut: Record<string, number>;
    };
    expect(detail.leftOut).toEqual(first.leftOut);
  });
});
