import type { Network, Session } from '../../network/index.ts';
import { serviceToken, xrpc } from '../../network/xrpc.ts';

/** Moves an account from one real PDS to another, as its owner would by the protocol. @returns its session at the new one */
export async function migrate(
  network: Network,
  account: Session,
  from: number,
  to: number,
): Promise<Session> {
  const [oldUrl = '', newUrl = ''] = [network.pdsUrls[from], network.pdsUrls[to]];
  const { did, handle, accessJwt } = account;
  const { did: audience } = await xrpc<{ did: string }>(newUrl, 'com.atproto.server.describeServer', {
    query: {},
  });
  const token = await serviceToken(oldUrl, account, audience, 'com.atproto.server.createAccount');
  const created = await xrpc<{ accessJwt: string }>(newUrl, 'com.atproto.server.createAccount', {
    accessJwt: token,
    body: { did, handle, email: 'moved@network.test', password: 'not-a-secret' },
  });
  const moved = { did, handle, accessJwt: created.accessJwt };

  const exported = await fetch(new URL(`/xrpc/com.atproto.sync.getRepo?did=${did}`, oldUrl));
  const imported = await fetch(new URL('/xrpc/com.atproto.repo.importRepo', newUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.ipld.car', authorization: `Bearer ${moved.accessJwt}` },
    body: await exported.arrayBuffer(),
  });
  if (!imported.ok) throw new Error(`importRepo: ${imported.status} ${await imported.text()}`);

  const credentials = await xrpc<object>(newUrl, 'com.atproto.identity.getRecommendedDidCredentials', {
    query: {},
    accessJwt: moved.accessJwt,
  });
  const { operation } = await xrpc<{ operation: unknown }>(oldUrl, 'com.atproto.identity.signPlcOperation', {
    accessJwt,
    body: { token: await network.mailedToken(from, did), ...credentials },
  });
  await xrpc(newUrl, 'com.atproto.identity.submitPlcOperation', {
    accessJwt: moved.accessJwt,
    body: { operation },
  });
  await xrpc(newUrl, 'com.atproto.server.activateAccount', { accessJwt: moved.accessJwt });
  await xrpc(oldUrl, 'com.atproto.server.deactivateAccount', { accessJwt, body: {} });
  return moved;
}
