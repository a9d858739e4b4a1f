import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRecords, MemoryBlockstore } from '@atproto/repo';
import { onTestFinished } from 'vitest';
import { startPlcDouble, type PlcDouble } from '../../relay/index.ts';
import { makeRepository, type MadeRepository } from '../../backfill-repositories.ts';

/** How the fake answers a request for a repository. */
export type Behaviour =
  | 'good'
  | 'silent'
  | 'dripping'
  | 'cut off'
  | 'claims to be longer'
  | 'claims to be shorter'
  | 'flips a byte'
  | { status: number; headers?: Record<string, string>; body?: object };

export interface FakePds {
  url: string;
  host: string;
  /** Requests so far, with when they came (milliseconds). */
  asked: { method: string; query: URLSearchParams; atMs: number }[];
  repositories: Map<string, MadeRepository>;
  /** Decides about each request for a repository or record; `attempt` counts those for this DID, from 1. */
  behave: (did: string, attempt: number) => Behaviour;
  /** Headers of every answer. */
  headers: Record<string, string>;
  /** Requests that were under way at once, at most. */
  most: number;
  close(): Promise<void>;
}

/** A fake PDS on loopback: real HTTP, real repositories, and whatever misbehaviour a test asks for. */
export async function startFakePds(): Promise<FakePds> {
  const attempts = new Map<string, number>();
  let running = 0;
  const server = http.createServer((request, response) => {
    running++;
    fake.most = Math.max(fake.most, running);
    response.on('close', () => running--);
    void answer(request, response);
  });

  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const method = url.pathname.replace('/xrpc/', '');
    fake.asked.push({ method, query: url.searchParams, atMs: performance.now() });
    const did = url.searchParams.get('did') ?? '';
    const json = (status: number, body: object, headers: Record<string, string> = {}): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...fake.headers, ...headers })
        .end(JSON.stringify(body));
    };
    const made = fake.repositories.get(did);
    if (method === 'com.atproto.sync.getLatestCommit' && made !== undefined) {
      json(200, { cid: made.repo.cid.toString(), rev: made.rev });
      return;
    }
    const attempt = (attempts.get(did) ?? 0) + 1;
    attempts.set(did, attempt);
    const behaviour = fake.behave(did, attempt);
    if (typeof behaviour === 'object') {
      json(behaviour.status, behaviour.body ?? { error: 'Fake' }, behaviour.headers);
      return;
    }
    if (made === undefined) {
      json(400, { error: 'RepoNotFound', message: `Could not find repo for DID: ${did}` });
      return;
    }
    let car = made.car;
    if (method === 'com.atproto.sync.getRecord') {
      const { repo } = made;
      const claim = {
        collection: url.searchParams.get('collection') ?? '',
        rkey: url.searchParams.get('rkey') ?? '',
      };
      const chunks: Uint8Array[] = [];
      for await (const chunk of getRecords(new MemoryBlockstore(made.blocks), repo.cid, [claim]))
        chunks.push(chunk);
      car = Buffer.concat(chunks);
    }
    const half = car.length >> 1;
    const head = (headers: Record<string, string | number>): void => {
      response.writeHead(200, { 'content-type': 'application/vnd.ipld.car', ...fake.headers, ...headers });
    };
    switch (behaviour) {
      case 'silent':
        return;
      case 'dripping': {
        head({});
        let at = 0;
        const timer = setInterval(() => response.write(car.subarray(at, ++at)), 20);
        response.on('close', () => clearInterval(timer));
        return;
      }
      case 'cut off':
        head({});
        response.write(car.subarray(0, half), () => setTimeout(() => response.destroy(), 20));
        return;
      case 'claims to be longer':
        head({ 'content-length': car.length + 1_000 });
        response.write(car, () => setTimeout(() => response.destroy(), 20));
        return;
      case 'claims to be shorter':
        head({ 'content-length': half });
        response.end(car.subarray(0, half));
        return;
      case 'flips a byte': {
        const flipped = Buffer.from(car);
        flipped[half] = (flipped[half] as number) ^ 1;
        head({ 'content-length': car.length });
        response.end(flipped);
        return;
      }
      case 'good':
        head({});
        response.end(car);
    }
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakePds = {
    url: `http://${host}`,
    host,
    asked: [],
    repositories: new Map(),
    behave: () => 'good',
    headers: {},
    most: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/** The n-th DID of a test. */
export function nthDid(n: number): string {
  let text = '';
  for (let rest = n; text.length < 24; rest = Math.floor(rest / 32))
    text = (letters[rest % 32] ?? 'a') + text;
  return `did:plc:${text}`;
}

export const documentOf = (
  did: string,
  signingKey: string,
  pdsUrl: string | null,
): Record<string, unknown> => ({
  '@context': ['https://www.w3.org/ns/did/v1'],
  id: did,
  alsoKnownAs: ['at://someone.test'],
  verificationMethod: [
    {
      id: `${did}#atproto`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: signingKey.slice('did:key:'.length),
    },
  ],
  service:
    pdsUrl === null
      ? []
      : [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pdsUrl }],
});

export interface FakeNetwork {
  plc: PlcDouble;
  pds: FakePds;
  /** Makes an account with so many records; its directory entry names the fake PDS. */
  account(records: number): Promise<MadeRepository>;
}

/** A fake PDS with a double of the directory; both end with the test. */
export async function startFakeNetwork(): Promise<FakeNetwork> {
  const pds = await startFakePds();
  const plc = await startPlcDouble({});
  onTestFinished(async () => {
    await pds.close();
    await plc.close();
  });
  return {
    plc,
    pds,
    async account(records) {
      const made = await makeRepository(records, { did: nthDid(pds.repositories.size + 1) });
      pds.repositories.set(made.did, made);
      plc.documents[made.did] = documentOf(made.did, made.signingKey, pds.url);
      return made;
    },
  };
}
