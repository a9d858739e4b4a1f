import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ask, feedUri, openSite, skeleton, tokenOf } from './site.ts';

it('readers who go away before their answer leave nothing behind: the server serves on, and its drain ends', async () => {
  const site = await openSite();
  const { account, participant } = await site.participant();
  await site.publish('g1', [participant]);
  const silent = Promise.withResolvers<unknown>();
  const server = await site.start({ resolve: () => silent.promise });
  const question = [
    `GET /xrpc/${skeleton}?feed=${encodeURIComponent(feedUri)} HTTP/1.1`,
    'host: feeds.example',
    `authorization: Bearer ${await tokenOf(account)}`,
    '\r\n',
  ].join('\r\n');
  // a few connections with one question each, and many that ask again before they were answered
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const askOn = async (questions: number): Promise<void> => {
    const socket = connect(server.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(question.repeat(questions));
  };
  for (let n = 0; n < 100; n++) await askOn(1);
  for (let n = 0; n < 100; n++) await askOn(10);
  await expect.poll(async () => (await ask(server, null)).status).toBe(503);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  expect((await fetch(`${server.url}/ready`)).status).toBe(200);

  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await ask(server, null)).status).toBe(200);
  silent.resolve(null); // what nobody waits for any more ends without harm
  await sleep(50);
  expect((await ask(server, null)).status).toBe(200);
  const begun = performance.now();
  await server.close();
  expect(performance.now() - begun).toBeLessThan(5_000);
});
