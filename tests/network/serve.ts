// The process of the miniature network: a PLC directory and a PDS on loopback, for as long as its parent lives.
// It is started by start.ts with an IPC channel and with TMPDIR set to a folder of its own.
import { rmSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type { TestPds as PdsClass, TestPlc as PlcClass } from '@atproto/dev-env';
import { listenOnLoopbackOnly } from './loopback.ts';

const folder = os.tmpdir();
let closing: Promise<void> | undefined;
let close = async (): Promise<void> => {};

function stop(): Promise<void> {
  closing ??= (async () => {
    // a PDS that can't end its connections must not outlive its parent
    const deadline = setTimeout(() => {
      leave(1);
    }, 10_000);
    await close();
    clearTimeout(deadline);
    leave(0);
  })();
  return closing;
}

function leave(code: number): never {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

if (!process.send || !process.env.TMPDIR) throw new Error('serve.ts is started by start.ts, not by hand');
process.on('disconnect', () => void stop());
process.on('message', (message) => {
  if (message === 'stop') void stop();
  else void sendToken(message as TokenQuestion);
});
process.on('SIGTERM', () => void stop());
// Ctrl-C reaches the whole group of processes; the parent decides when this one goes
process.on('SIGINT', () => {});

/** A PDS mails the token that a change of a DID's document asks for; here it is asked for by the way. */
interface TokenQuestion {
  pds: number;
  did: `did:${string}:${string}`;
}

async function sendToken({ pds, did }: TokenQuestion): Promise<void> {
  const token = await pdses[pds]?.ctx.accountManager.createEmailToken(did, 'plc_operation');
  process.send?.({ token });
}

listenOnLoopbackOnly();
// dev-env's index also loads the AppView and Ozone, which takes 5 to 18 s; these two files take 3 s
const devEnv = fileURLToPath(import.meta.resolve('@atproto/dev-env'));
const { TestPlc } = (await import(devEnv.replace(/index\.js$/, 'plc.js'))) as { TestPlc: typeof PlcClass };
const { TestPds } = (await import(devEnv.replace(/index\.js$/, 'pds.js'))) as { TestPds: typeof PdsClass };
const plc = await TestPlc.create({});
const pdses: PdsClass[] = [];
for (let i = 0; i < Number(process.env.NETWORK_PDSES ?? 1); i++)
  pdses.push(await TestPds.create({ didPlcUrl: plc.url }));
close = async () => {
  for (const pds of pdses) await pds.close();
  await plc.close();
};
const pdsUrls = pdses.map(({ port }) => `http://127.0.0.1:${port}`);
process.send({ plcUrl: `http://127.0.0.1:${plc.port}`, pdsUrls });
