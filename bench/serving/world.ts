import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import secp256k1 from 'secp256k1';
import {
  encodeServing,
  formatCurrentGeneration,
  generationFolder,
  openLake,
  servingPath,
} from '../../lake/index.ts';
import { loadConfig, type Config } from '../../ops/config/index.ts';
import { createStudy, openStudyStore } from '../../study/index.ts';

// A study of any size, made from numbers alone: server and load generator each make the same one.

export const serviceDid = 'did:web:feeds.example';
const publisherDid = 'did:plc:publisherpublisherpublis';
export const feedUri = `at://${publisherDid}/app.bsky.feed.generator/feedtrial`;
const letters = 'abcdefghijklmnopqrstuvwxyz234567';

export function didOf(n: number): string {
  let text = '';
  for (let rest = n; text.length < 24; rest = Math.floor(rest / 32))
    text = (letters[rest % 32] ?? 'a') + text;
  return `did:plc:${text}`;
}

/** An account's private key. */
export const keyOf = (n: number): Uint8Array => createHash('sha256').update(`account ${n}`).digest();

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function base58(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = (alphabet[Number(value % 58n)] ?? '') + text;
  return text;
}

const numberOf = new Map<string, number>();

/** The DID document of an account, as its directory has it. */
export function documentOf(did: string, accounts: number): object {
  if (numberOf.size === 0) for (let n = 0; n < accounts; n++) numberOf.set(didOf(n), n);
  const key = secp256k1.publicKeyCreate(keyOf(numberOf.get(did) ?? 0));
  const publicKeyMultibase = `z${base58(Buffer.concat([Buffer.from([0xe7, 0x01]), key]))}`;
  return {
    id: did,
    verificationMethod: [{ id: `${did}#atproto`, type: 'Multikey', controller: did, publicKeyMultibase }],
  };
}

/** A token of an account as its server signs it, good for most of an hour. */
export function tokenOf(n: number, serial: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iat: now,
    iss: didOf(n),
    aud: serviceDid,
    exp: now + 3_000,
    lxm: 'app.bsky.feed.getFeedSkeleton',
    jti: createHash('md5').update(`${serial} ${process.pid}`).digest('hex'),
  };
  const signed = `${part({ typ: 'JWT', alg: 'ES256K' })}.${part(payload)}`;
  const digest = createHash('sha256').update(signed).digest();
  const { signature } = secp256k1.ecdsaSign(digest, keyOf(n));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

export function configOf(folder: string): Config {
  return loadConfig(
    {
      FEEDTRIAL_LAKE: `${folder}/lake`,
      FEEDTRIAL_PRIVATE_LAKE: `${folder}/private`,
      FEEDTRIAL_SPOOL: `${folder}/spool`,
      FEEDTRIAL_STUDY_DB: `${folder}/study/study.sqlite`,
      FEEDTRIAL_SERVICE_DID: serviceDid,
      FEEDTRIAL_PUBLISHER_DID: publisherDid,
      FEEDTRIAL_LIMIT_PARTICIPANT_PER_MINUTE: '0',
      FEEDTRIAL_LIMIT_ADDRESS_PER_SECOND: '0',
      FEEDTRIAL_LOG_LEVEL: 'error',
      FEEDTRIAL_PORT: '0',
    },
    folder,
  );
}

const participantOf = (n: number): string => `p_${n.toString(16).padStart(24, '0')}`;

/** Enrols the accounts, all of whom have asked before. */
export async function enrol(config: Config, accounts: number): Promise<void> {
  const store = await openStudyStore(config);
  await createStudy(store, { study: config.study });
  await store.close();
  const database = new Database(config.studyDb);
  const insert = database.prepare(
    `INSERT INTO participants (participant_id, study, did, stratum, arm, status, enrolled_us, first_request_us, revision)
     VALUES (?, ?, ?, 'all', ?, 'active', 1, 1, ?)`,
  );
  database.transaction(() => {
    for (let n = 0; n < accounts; n++)
      insert.run(participantOf(n), config.study, didOf(n), ['a', 'b', 'c'][n % 3], n);
    database.prepare('UPDATE studies SET revision = ?').run(accounts);
  })();
  database.close();
}

/** Publishes a generation with a feed for each account, its posts drawn from a common pool. */
export async function publish(
  config: Config,
  generation: string,
  accounts: number,
  positions: number,
): Promise<void> {
  await (
    await prepare(config, generation, accounts, positions)
  )();
}

/** Writes a generation; the function that it gives moves the pointer. */
export async function prepare(
  config: Config,
  generation: string,
  accounts: number,
  positions: number,
): Promise<() => Promise<void>> {
  const lake = openLake(config.lake);
  const posts = 50_000;
  const uris = Array.from(
    { length: posts },
    (_, i) =>
      `at://${didOf(1_000_000 + (i % 9_000))}/app.bsky.feed.post/3k${i.toString(36).padStart(11, '2')}`,
  );
  const feed = (participantId: string, n: number) => ({
    participantId,
    arm: 'a',
    policy: 'engagement',
    policyVersion: '1',
    positions: Uint32Array.from({ length: positions }, (_, i) => (n * 7_919 + i * 104_729) % posts),
  });
  const feeds = [
    feed('_default', 0),
    ...Array.from({ length: accounts }, (_, n) => feed(participantOf(n), n)),
  ];
  await lake.write(servingPath(generation), encodeServing({ generation, uris, feeds }));
  const us = Date.now() * 1000;
  await lake.write(`${generationFolder(generation)}/manifest.json`, JSON.stringify({ as_of_us: us }));
  await lake.write(`${generationFolder(generation)}/published.json`, JSON.stringify({ published_us: us }));
  return async () => {
    await lake.swap(
      'feeds/current.json',
      await lake.read('feeds/current.json'),
      formatCurrentGeneration({
        generation,
        published_us: us,
        as_of_us: us,
        feeds: feeds.length,
        positions: feeds.length * positions,
        serving: servingPath(generation),
      }),
    );
  };
}
