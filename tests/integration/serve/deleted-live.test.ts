import { expect, it, onTestFinished } from 'vitest';
import { capture, restampFrame } from '../../../extract/capture/index.ts';
import { land } from '../../../extract/land/index.ts';
import { signedRepository, startRelayDouble } from '../../relay/index.ts';
import { ask, openSite, postOf } from './site.ts';

it('what is deleted while capture runs goes from feeds that are served, with no landing in between', async () => {
  const site = await openSite();
  await site.publish('g1', [], 5);
  const server = await site.start();
  const author = await signedRepository('did:plc:default');
  const fresh = (frame: Buffer): Buffer =>
    Buffer.from(restampFrame(frame, { time: new Date().toISOString() }));
  const relay = await startRelayDouble({
    frames: [
      fresh(await author.commit(1, { rkey: 'g1-1', text: 'a post that was ranked first' })),
      fresh(await author.commit(2, { rkey: 'g1-1', text: null })),
    ],
  });
  onTestFinished(() => relay.close());
  const controller = new AbortController();
  const running = capture({
    config: site.config,
    source: 'firehose',
    url: relay.url,
    verify: false,
    signal: controller.signal,
  });
  onTestFinished(async () => {
    controller.abort();
    await running;
  });
  const first = async (): Promise<string | undefined> => (await ask(server, null, { limit: '1' })).posts[0];
  expect(await first()).toBe(postOf('default', 'g1', 1));
  // capture tells it after five seconds at most, and the server looks as often by itself
  await expect.poll(first, { timeout: 60_000, interval: 200 }).toBe(postOf('default', 'g1', 2));
  controller.abort();
  await running;
  await land({ config: site.config });
  await server.poll();
  expect(await first()).toBe(postOf('default', 'g1', 2));
});
