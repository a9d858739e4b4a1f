import { afterEach, describe, expect, it } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { describeStatus, readStatus } from '../../../ops/status/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { infoFrame, signedRepository, startPlcDouble, startRelayDouble } from '../../relay/index.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const known = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';
const unknown = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb';

describe('status of a capture', () => {
  it('says of each source whether it runs, its rate, lag, durable cursor, and what it could not take', async () => {
    const author = await signedRepository(known);
    const stranger = await signedRepository(unknown);
    const relay = await startRelayDouble({
      frames: [
        await author.commit(1, { rkey: 'a', text: 'a' }),
        await stranger.commit(2, { rkey: 'b', text: 'b' }),
        await author.commit(3, { rkey: 'c', text: 'c' }),
      ],
    });
    const labeler = await startRelayDouble({
      frames: [infoFrame('Hello')],
      path: '/xrpc/com.atproto.label.subscribeLabels',
    });
    const plc = await startPlcDouble({ [known]: author.document });
    open.push(relay, labeler, plc);
    const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const stop = new AbortController();
    const common = { config, plcUrl: plc.url, signal: stop.signal };
    const running = Promise.all([
      capture({ ...common, source: 'firehose', url: relay.url }),
      capture({ ...common, source: 'moderation', url: labeler.url }),
    ]);
    const streams = async () =>
      Object.fromEntries((await readStatus(config)).streams.map((stream) => [stream.stream, stream]));
    await expect
      .poll(async () => (await streams()).firehose, { timeout: 30_000, interval: 200 })
      .toMatchObject({
        cursor: 3,
        capture: {
          running: true,
          connected: true,
          stalled: null,
          durableCursor: 3,
          events: 3,
          rejected: { did_unresolved: 1 },
          retrying: 1,
          host: new URL(relay.url).host,
        },
      });
    await expect
      .poll(async () => (await streams()).moderation, { timeout: 30_000, interval: 200 })
      .toMatchObject({ capture: { running: true, connected: true } });
    const screen = describeStatus(await readStatus(config)).join('\n');
    const followed = `firehose: follows ${new URL(relay.url).host}`;
    expect(screen).toContain(followed);
    expect(screen).toMatch(
      /firehose: .* events\/s, lag .*, rejected 1 did_unresolved, 1 to be tried again, durable cursor 3/,
    );
    expect(screen).toContain(`moderation: follows ${new URL(labeler.url).host}`);
    stop.abort();
    await running;
    expect((await streams()).firehose).toMatchObject({ capture: { running: false, ended: true } });
    expect(describeStatus(await readStatus(config)).join('\n')).toContain('firehose: not running');
  });
});
