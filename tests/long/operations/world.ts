import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readPulse } from '../../../lake/index.ts';
import { loadConfig, type Config } from '../../../ops/config/index.ts';
import { enroll, openStudyStore } from '../../../study/index.ts';
import { startFakeProcess } from '../../fakes/process.ts';
import {
  planNetwork,
  populate,
  serviceToken,
  startNetwork,
  startRestampingRelay,
  type Population,
  type RestampingRelay,
  type Session,
} from '../../network/index.ts';
import { seeded } from '../../network/seeded.ts';
import { tidOf } from '../../network/populate.ts';
import { xrpc } from '../../network/xrpc.ts';
import { freePort } from '../../services/free-port.ts';
import { hasOtlp, startOtlp, type OtlpReceiver } from '../../services/otlp.ts';
import { startS3 } from '../../services/versitygw.ts';
import { switchable, type Switchable } from './switchable.ts';

const minuteMs = 60_000;
const password = 'not-a-secret';

/** The miniature network, its services and one machine with a study on it, all under one clock that can be moved. */
export interface World {
  config: Config;
  /** Environment of every process of the machine. */
  env: NodeJS.ProcessEnv;
  folder: string;
  /** File system of its own for the spool of capture and of the jobs. */
  disk: string;
  /** The server's spool, on another. */
  serverSpool: string;
  pdsUrl: string;
  population: Population;
  relay: RestampingRelay;
  plc: Switchable;
  s3: Switchable;
  llm: Switchable;
  participants: Session[];
  /** What the machine's processes export; null where it can't be received. */
  otlp: OtlpReceiver | null;
  nowMs(): number;
  /** Lets so many minutes pass at once. */
  advance(minutes: number): void;
  /** Moves the machine's clock, and nobody else's. */
  moveMachine(minutes: number): void;
  /** An hour of the network: posts, likes, a deletion, in `sessions` commits. */
  live(sessions: number): Promise<void>;
  /** A new account that writes a post: nobody has its key yet. */
  newcomer(): Promise<void>;
  /** Waits until capture has on disk all that the relay has. @returns false where it takes longer than `ms` */
  captured(ms: number): Promise<boolean>;
  token(participant: number): Promise<string>;
  /** Every record that the PDS has now, by URI, of accounts that are there. */
  truth(collections: readonly string[]): Promise<Map<string, string>>;
  close(): Promise<void>;
}

function mountSmallDisk(folder: string, megabytes: number): string {
  const at = path.join(folder, 'disk');
  fs.mkdirSync(at);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', at], { stdio: 'ignore' });
  return at;
}

export async function openWorld(folder: string): Promise<World> {
  const undo: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    return await build(folder, undo, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(folder: string, undo: (() => unknown)[], close: () => Promise<void>): Promise<World> {
  // --- two clocks: the world's, and this machine's, which a fault can move
  // Five minutes past an hour: what a busy machine adds to each of the day's hours skips none of the clock's.
  let offsetMs = ((65 - new Date().getUTCMinutes()) % 60) * minuteMs;
  let machineMs = 0;
  const clocks = { world: path.join(folder, 'world-clock'), machine: path.join(folder, 'machine-clock') };
  const setClocks = (): void => {
    for (const [file, ms] of [
      [clocks.world, offsetMs],
      [clocks.machine, offsetMs + machineMs],
    ] as const) {
      fs.writeFileSync(`${file}.new`, String(ms));
      fs.renameSync(`${file}.new`, file);
    }
  };
  setClocks();
  const nowMs = (): number => Date.now() + offsetMs;
  const preload = `--disable-warning=ExperimentalWarning --import=${pathToFileURL(path.join(import.meta.dirname, 'world-clock.ts')).href}`;

  // --- the network
  const before = { NODE_OPTIONS: process.env.NODE_OPTIONS, WORLD_CLOCK: process.env.WORLD_CLOCK };
  Object.assign(process.env, { NODE_OPTIONS: preload, WORLD_CLOCK: clocks.world });
  let network;
  try {
    network = await startNetwork({ folder });
  } finally {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
  const { pdsUrl, plcUrl } = network;
  undo.push(() => network.close());
  const plan = planNetwork('a compressed day');
  const population = await populate({ plan, pdsUrl, endUs: nowMs() * 1000 });
  const relay = await startRestampingRelay({ pdsUrl, population });
  undo.push(() => relay.close());
  await relay.caughtUp;
  const participants = population.accounts.filter((_, i) => plan.accounts[i]?.role === 'participant');

  // --- what the machine needs of others, each of which can be taken away
  const store = await startS3();
  undo.push(() => store.stop());
  const perspective = await startFakeProcess('perspective-process.ts', { perSecond: 10_000 });
  undo.push(() => perspective.close());
  const openai = await startFakeProcess('openai-process.ts', {});
  undo.push(() => openai.close());
  const [plc, s3, llm] = (await Promise.all([plcUrl, store.endpoint, openai.url].map(switchable))) as [
    Switchable,
    Switchable,
    Switchable,
  ];
  for (const one of [plc, s3, llm]) undo.push(() => one.close());
  const lake = `${await store.bucket('day-lake')}/lake`;
  const privateLake = await store.bucket('day-private');
  process.env.FEEDTRIAL_S3_ENDPOINT = `http://127.0.0.1:${s3.port}`; // startS3 puts back what was there

  const otlp = hasOtlp ? await startOtlp() : null;
  if (otlp !== null) undo.push(() => otlp.stop());

  // --- the machine
  const disk = mountSmallDisk(folder, 96);
  undo.push(() => execFileSync('umount', ['-l', disk], { stdio: 'ignore' }));
  const settings = {
    FEEDTRIAL_LAKE: lake,
    FEEDTRIAL_PRIVATE_LAKE: privateLake,
    FEEDTRIAL_SPOOL: path.join(disk, 'spool'),
    FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse', 'feedtrial.duckdb'),
    FEEDTRIAL_STUDY_DB: path.join(folder, 'study', 'study.sqlite'),
    FEEDTRIAL_STUDY: 'day',
    FEEDTRIAL_HOSTNAME: 'feedtrial.localhost',
    FEEDTRIAL_PORT: String(await freePort()),
    FEEDTRIAL_ALLOW_LOOPBACK: '1',
    FEEDTRIAL_RELAY_URL: relay.url,
    FEEDTRIAL_PLC_URL: `http://127.0.0.1:${plc.port}`,
    FEEDTRIAL_LLM_URL: `http://127.0.0.1:${llm.port}/v1`,
    FEEDTRIAL_LLM_KEY: 'any-word',
    FEEDTRIAL_PERSPECTIVE_KEYS: 'one-key',
    FEEDTRIAL_PERSPECTIVE_URL: perspective.url,
    FEEDTRIAL_PERSPECTIVE_RATE: '1000',
    FEEDTRIAL_BACKUP: path.join(folder, 'backups'),
    FEEDTRIAL_EXPORT_KEY: 'the key of the exports of a day',
    FEEDTRIAL_ALERT_COMMAND: `cat >> '${path.join(folder, 'mail')}'`,
    FEEDTRIAL_VERIFY_WORKERS: '0',
    FEEDTRIAL_MEMORY_LIMIT: '1GB',
    FEEDTRIAL_LOG_LEVEL: 'warn',
  };
  const config = loadConfig(settings, folder);
  const env = {
    ...process.env,
    ...settings,
    NODE_OPTIONS: preload,
    WORLD_CLOCK: clocks.machine,
    ...(otlp === null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url }),
    TMPDIR: folder,
  };
  const study = await openStudyStore(config);
  try {
    const people = participants.map(({ did, handle }) => ({ did, handle }));
    const { failed } = await enroll(study, { people });
    if (failed.length > 0) throw new Error(`not enrolled: ${JSON.stringify(failed)}`);
  } finally {
    await study.close();
  }

  // --- what goes on in the network
  const random = seeded('a compressed day: what happens');
  const texts = planNetwork('a compressed day: texts').posts.filter(
    (post, i, all) => post.text.length > 20 && all.findIndex(({ text }) => text === post.text) === i,
  );
  let nextText = 0;
  const writers = population.accounts.filter((_, i) =>
    ['writer', 'constructive', 'heated', 'participant'].includes(plan.accounts[i]?.role ?? ''),
  );
  const recent = population.posts.slice(-200).map(({ uri, cid }) => ({ uri, cid }));
  const sessions = new Map<string, { session: Session; atMs: number }>();
  /** Access tokens live for two hours of the world. */
  const signedIn = async (account: Session): Promise<Session> => {
    const known = sessions.get(account.did);
    if (known && nowMs() - known.atMs < 60 * minuteMs) return known.session;
    const session = await xrpc<Session>(pdsUrl, 'com.atproto.server.createSession', {
      body: { identifier: account.handle, password },
    });
    sessions.set(account.did, { session, atMs: nowMs() });
    return session;
  };
  let lastUs = 0;
  const rkey = (): string => tidOf((lastUs = Math.max(lastUs + 1, Math.round(nowMs() * 1000))));
  const post = async (account: Session): Promise<void> => {
    const { accessJwt, did } = await signedIn(account);
    const createdAt = new Date(nowMs()).toISOString();
    const text = texts[nextText++ % texts.length]?.text ?? '';
    const likes = random.sample(recent, 8).map((subject) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: 'app.bsky.feed.like',
      rkey: rkey(),
      value: { $type: 'app.bsky.feed.like', subject, createdAt },
    }));
    const writes = [
      {
        $type: 'com.atproto.repo.applyWrites#create',
        collection: 'app.bsky.feed.post',
        rkey: rkey(),
        value: { $type: 'app.bsky.feed.post', text, langs: ['en'], createdAt },
      },
      ...likes,
    ];
    const { results } = await xrpc<{ results: { uri: string; cid: string }[] }>(
      pdsUrl,
      'com.atproto.repo.applyWrites',
      { accessJwt, body: { repo: did, writes } },
    );
    const [written] = results;
    if (written) recent.push({ uri: written.uri, cid: written.cid });
    if (recent.length > 300) recent.shift();
  };
  let newcomers = 0;

  return {
    config,
    env,
    folder,
    disk,
    serverSpool: path.join(folder, 'server-spool'),
    pdsUrl,
    population,
    relay,
    plc,
    s3,
    llm,
    participants,
    otlp,
    nowMs,
    advance(minutes) {
      offsetMs += minutes * minuteMs;
      setClocks();
    },
    moveMachine(minutes) {
      machineMs = minutes * minuteMs;
      setClocks();
    },
    async live(count) {
      for (const account of random.sample(writers, count)) await post(account);
    },
    async newcomer() {
      const handle = `newcomer-${++newcomers}.test`;
      const account = await xrpc<Session>(pdsUrl, 'com.atproto.server.createAccount', {
        body: { handle, email: `${handle}@network.test`, password },
      });
      sessions.set(account.did, { session: account, atMs: nowMs() });
      population.accounts.push(account);
      await post(account);
    },
    async captured(ms) {
      const until = performance.now() + ms;
      do {
        const pulse = readPulse(config.spool, 'firehose');
        if ((pulse?.durableCursor ?? 0) >= relay.newest()) return true;
        await new Promise((resolve) => setTimeout(resolve, 100));
      } while (performance.now() < until);
      return false;
    },
    async token(participant) {
      const session = await signedIn(participants[participant] as Session);
      return serviceToken(pdsUrl, session, config.serviceDid, 'app.bsky.feed.getFeedSkeleton');
    },
    async truth(collections) {
      const found = new Map<string, string>();
      const leaving = new Set(plan.leaving);
      for (const { did } of population.accounts.filter((_, i) => !leaving.has(i)))
        for (const collection of collections) {
          let cursor: string | undefined;
          do {
            const page: { records: { uri: string; cid: string }[]; cursor?: string } = await xrpc(
              pdsUrl,
              'com.atproto.repo.listRecords',
              {
                query: { repo: did, collection, limit: '100', ...(cursor === undefined ? {} : { cursor }) },
              },
            );
            for (const { uri, cid } of page.records) found.set(uri, cid);
            cursor = page.records.length < 100 ? undefined : page.cursor;
          } while (cursor !== undefined);
        }
      return found;
    },
    close,
  };
}
