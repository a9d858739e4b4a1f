import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { P256Keypair, Secp256k1Keypair, formatMultikey } from '@atproto/crypto';
import { onTestFinished } from 'vitest';

export type Keypair = Secp256k1Keypair | P256Keypair;

export interface Account {
  did: string;
  handle: string;
  keypair: Keypair;
}

/** A fake PLC directory on loopback that also resolves handles, as a PDS does. */
export interface Directory {
  url: string;
  /** DIDs that were asked for, in order. */
  asked: string[];
  /** 'up' answers, 'down' answers 502, 'silent' never answers. */
  state: 'up' | 'down' | 'silent';
  account(curve?: 'k256' | 'p256'): Promise<Account>;
  /** Gives an account a new signing key. */
  rotate(account: Account): Promise<void>;
  /** Takes an account's document away. */
  forget(account: Account): void;
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/** The n-th DID of a test. */
export function testDid(n: number): string {
  let text = '';
  for (let rest = n; text.length < 24; rest = Math.floor(rest / 32))
    text = (letters[rest % 32] ?? 'a') + text;
  return `did:plc:${text}`;
}

export async function startDirectory(): Promise<Directory> {
  const accounts = new Map<string, Account>();
  const asked: string[] = [];
  const create = (curve: 'k256' | 'p256') =>
    curve === 'k256'
      ? Secp256k1Keypair.create({ exportable: true })
      : P256Keypair.create({ exportable: true });
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://directory');
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (directory.state === 'silent') return;
    if (directory.state === 'down') {
      send(502, { error: 'down' });
      return;
    }
    if (url.pathname === '/xrpc/com.atproto.identity.resolveHandle') {
      const found = [...accounts.values()].find(({ handle }) => handle === url.searchParams.get('handle'));
      if (found) send(200, { did: found.did });
      else send(400, { error: 'HandleNotFound' });
      return;
    }
    const did = decodeURIComponent(url.pathname.slice(1));
    asked.push(did);
    const account = accounts.get(did);
    if (!account) {
      send(404, { message: 'DID not registered' });
      return;
    }
    const { keypair, handle } = account;
    send(200, {
      id: did,
      alsoKnownAs: [`at://${handle}`],
      verificationMethod: [
        {
          id: `${did}#atproto`,
          type: 'Multikey',
          controller: did,
          publicKeyMultibase: formatMultikey(keypair.jwtAlg, keypair.publicKeyBytes()),
        },
      ],
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const directory: Directory = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    state: 'up',
    async account(curve = 'k256') {
      const n = accounts.size + 1;
      const account = { did: testDid(n), handle: `reader${n}.test`, keypair: await create(curve) };
      accounts.set(account.did, account);
      return account;
    },
    async rotate(account) {
      account.keypair = await create('k256');
    },
    forget(account) {
      accounts.delete(account.did);
    },
  };
  return directory;
}
