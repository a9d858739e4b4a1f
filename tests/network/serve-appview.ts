// The process of the network with an AppView, on loopback, for as long as its parent lives. Started by start-appview.ts.
import { Client as PlcClient } from '@did-plc/lib';
import { Secp256k1Keypair } from '@atproto/crypto';
import { TestNetwork } from '@atproto/dev-env';
import { listenOnLoopbackOnly } from './loopback.ts';

if (!process.send) throw new Error('serve-appview.ts is started by start-appview.ts, not by hand');
const leave = (code: number): never => process.exit(code);
process.on('disconnect', () => leave(0));
process.on('SIGINT', () => {});

listenOnLoopbackOnly();
const network = await TestNetwork.create({ dbPostgresSchema: 'feedtrial' });
process.on('message', (message: { createService?: string; stop?: true }) => {
  if (message.stop) {
    setTimeout(() => leave(0), 10_000).unref(); // a server that can't end its connections must not outlive its parent
    void network.close().finally(() => leave(0));
  }
  const endpoint = message.createService;
  if (endpoint !== undefined)
    void (async () => {
      // a did:plc of a feed server, as an operator would create one
      const signer = await Secp256k1Keypair.create();
      const plc = new PlcClient(network.plc.url);
      const did = await plc.createDid({
        signingKey: signer.did(),
        rotationKeys: [signer.did()],
        handle: 'feeds.test',
        pds: endpoint,
        signer,
      });
      await plc.updateData(did, signer, (data) => ({
        ...data,
        services: { ...data.services, bsky_fg: { type: 'BskyFeedGenerator', endpoint } },
      }));
      process.send?.({ did });
    })();
});
process.send({ plcUrl: network.plc.url, pdsUrl: network.pds.url, appViewUrl: network.bsky.url });
