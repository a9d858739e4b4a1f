import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import {
  encodeServing,
  formatCurrentGeneration,
  generationFolder,
  listSealed,
  openEngine,
  openLake,
  servingPath,
  tables,
  writeRows,
  type Lake,
} from '../../../lake/index.ts';
import { readFileSync } from 'node:fs';
import type { Config } from '../../../ops/config/index.ts';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { startServer, type RunningServer, type ServerOptions } from '../../../serve/index.ts';
import { enroll, openStudyStore, type Participant, type StudyStore } from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startDirectory, type Account, type Directory, type Keypair } from '../study/directory.ts';

export const serviceDid = 'did:web:feeds.example';
export const publisherDid = 'did:plc:publisherpublisherpublis';
export const feedUri = `at://${publisherDid}/app.bsky.feed.generator/feedtrial`;
export const skeleton = 'app.bsky.feed.getFeedSkeleton';
export const interactions = 'app.bsky.feed.sendInteractions';

export interface Site {
  folder: string;
  config: Config;
  lake: Lake;
  store: StudyStore;
  directory: Directory;
  /** Enrols a new account. */
  participant(curve?: 'k256' | 'p256'): Promise<{ account: Account; participant: Participant }>;
  /** Publishes a generation in which each participant has posts of their own. */
  publish(
    generation: string,
    participants: readonly Participant[],
    length?: number,
    publishedMs?: number,
  ): Promise<void>;
  start(options?: Partial<ServerOptions>): Promise<RunningServer>;
}

/** Post at a position of a participant's feed in `publish`'s generations. */
export const postOf = (who: string, generation: string, position: number): string =>
  `at://did:plc:${who}/app.bsky.feed.post/${generation}-${position}`;

export const authorOf = (participant: Participant): string => participant.participant_id.replace('_', '');

const arms = ['engagement', 'reverse_chronological', 'treatment'].map((arm) => ({
  arm,
  weight: 1,
  status: 'open' as const,
}));

/** A study with a directory, a store and a lake in one folder; gone when the test ends. */
export async function openSite(env: Record<string, string> = {}): Promise<Site> {
  const folder = temporaryFolder();
  const directory = await startDirectory();
  const config = configIn(folder, {
    FEEDTRIAL_PLC_URL: directory.url,
    FEEDTRIAL_SERVICE_DID: serviceDid,
    FEEDTRIAL_PUBLISHER_DID: publisherDid,
    FEEDTRIAL_HOSTNAME: 'feeds.example',
    FEEDTRIAL_LOG_LEVEL: 'silent', // these tests provoke what would be logged
    ...env,
  });
  await startTelemetry(config);
  const store = await openStudyStore(config);
  onTestFinished(() => store.close());
  const lake = openLake(config.lake);
  return {
    folder,
    config,
    lake,
    store,
    directory,
    async participant(curve) {
      const account = await directory.account(curve);
      const { enrolled } = await enroll(store, { people: [{ did: account.did }], arms });
      return { account, participant: enrolled[0] as Participant };
    },
    async publish(generation, participants, length = 120, publishedMs = Date.now()) {
      const owners = ['default', ...participants.map(authorOf)];
      const uris = owners.flatMap((who) => Array.from({ length }, (_, i) => postOf(who, generation, i + 1)));
      const positions = (owner: number) => Uint32Array.from({ length }, (_, i) => owner * length + i);
      const feeds = [
        {
          participantId: '_default',
          arm: 'default',
          policy: 'reverse_chronological',
          policyVersion: '1',
          positions: positions(0),
        },
        ...participants.map((p, i) => ({
          participantId: p.participant_id,
          arm: p.arm,
          policy: p.arm,
          policyVersion: '1',
          positions: positions(i + 1),
        })),
      ];
      await lake.write(servingPath(generation), encodeServing({ generation, uris, feeds }));
      const nowUs = publishedMs * 1000;
      await lake.write(`${generationFolder(generation)}/manifest.json`, JSON.stringify({ as_of_us: nowUs }));
      const before = await lake.read('feeds/current.json');
      await lake.swap(
        'feeds/current.json',
        before,
        formatCurrentGeneration({
          generation,
          published_us: nowUs,
          as_of_us: nowUs,
          feeds: feeds.length,
          positions: feeds.length * length,
          serving: servingPath(generation),
        }),
      );
      const published = `${generationFolder(generation)}/published.json`;
      await lake.write(published, JSON.stringify({ published_us: nowUs }));
    },
    async start(options = {}) {
      const server = await startServer({ config, pollMs: 50, ...options });
      onTestFinished(() => server.close());
      return server;
    },
  };
}

/** A token as the account's PDS signs it; `claims` replaces what it says, `by` who signs it. */
export async function tokenOf(
  account: Account,
  lxm: string = skeleton,
  claims: Record<string, unknown> = {},
  by: Keypair = account.keypair,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = {
    iss: account.did,
    aud: serviceDid,
    lxm,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    ...claims,
  };
  const signed = `${part({ typ: 'JWT', alg: by.jwtAlg })}.${part(payload)}`;
  return `${signed}.${Buffer.from(await by.sign(Buffer.from(signed))).toString('base64url')}`;
}

export interface SkeletonAnswer {
  status: number;
  body: {
    feed: { post: string; feedContext: string }[];
    cursor?: string;
    reqId?: string;
    error?: string;
    message?: string;
  };
  posts: string[];
  headers: Headers;
}

/** Asks for the feed, with a token or anonymously. */
export async function ask(
  server: { url: string },
  token: string | null,
  query: Record<string, string> = {},
): Promise<SkeletonAnswer> {
  const url = new URL(`/xrpc/${skeleton}`, server.url);
  for (const [name, value] of Object.entries({ feed: feedUri, ...query })) url.searchParams.set(name, value);
  const response = await fetch(url, {
    headers: { 'user-agent': 'test reader', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
  });
  const body = (await response.json()) as SkeletonAnswer['body'];
  return {
    status: response.status,
    body,
    posts: body.feed?.map(({ post }) => post) ?? [],
    headers: response.headers,
  };
}

/** Lines of every sealed segment of the feed servers, in order. */
export function loggedLines(config: Config): Record<string, unknown>[] {
  return listSealed(config.spool)
    .filter(({ format }) => format === 'exposures/1')
    .flatMap(({ file }) => readFileSync(file, 'utf8').split('\n').filter(Boolean))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Writes tombstones as landing does. */
export async function bury(
  lake: Lake,
  rows: Record<string, unknown>[],
  name: string,
  { happenedMs = Date.now() } = {},
): Promise<void> {
  const engine = await openEngine({ threads: 1 });
  try {
    const iso = new Date(happenedMs).toISOString();
    await writeRows(
      lake,
      engine,
      tables.tombstones,
      { dt: iso.slice(0, 10), hour: iso.slice(11, 13) },
      rows.map((row) => ({
        event_us: happenedMs * 1000,
        segment: name,
        reason: 'record_deleted',
        hidden: true,
        ...row,
      })),
      name,
    );
  } finally {
    await engine.close();
  }
}
