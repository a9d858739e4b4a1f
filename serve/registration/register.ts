import type { AtpAgent } from '@atproto/api';
import type { Config } from '../../ops/config/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { isAccountDid, resolveDid, resolveHandle, useStudy, type StudyStore } from '../../study/index.ts';
import { serveErrors } from '../errors.ts';
import { requireAvatar, requireDescription, type FeedDescription } from './record.ts';
import { serviceProblem } from './service-document.ts';

const collection = 'app.bsky.feed.generator';

/** The account that publishes the feed, by handle or DID, and its app password. */
export interface Publisher {
  identifier: string;
  password: string;
}

export interface RegisterOptions extends FeedDescription {
  publisher: Publisher;
  avatar?: Uint8Array | undefined;
  rkey?: string;
  /** Service that resolves the publisher's handle; default Bluesky's public AppView. */
  resolverUrl?: string;
  study?: string;
  now?: () => number;
}

export interface Registration {
  uri: string;
  cid: string;
  serviceDid: string;
  /** What keeps readers from the feed; null where nothing does. */
  problem: string | null;
}

interface SignedIn {
  agent: AtpAgent;
  did: string;
}

/** Signs in at the publisher's own server, which their DID document names. @throws FeedtrialError FT_SERVE_PUBLISHER */
async function signIn(config: Config, publisher: Publisher, resolverUrl?: string): Promise<SignedIn> {
  const { plcUrl, allowLoopback } = config;
  const { identifier, password } = publisher;
  try {
    const did = identifier.startsWith('did:')
      ? identifier
      : await resolveHandle(identifier, { plcUrl, allowLoopback, ...(resolverUrl ? { resolverUrl } : {}) });
    if (!isAccountDid(did, allowLoopback)) throw new Error(`'${did}' is not a DID of an account`);
    const document = (await resolveDid(did, { plcUrl, allowLoopback })) as {
      service?: { id?: string; serviceEndpoint?: unknown }[];
    };
    const endpoint = document.service?.find(
      ({ id }) => id === '#atproto_pds' || id === `${did}#atproto_pds`,
    )?.serviceEndpoint;
    if (typeof endpoint !== 'string') throw new Error("the account's document names no server");
    if (!endpoint.startsWith('https://') && !allowLoopback)
      throw new Error('the server of the account does not speak https: a password is not sent there');
    const api = await import('@atproto/api'); // half a second, which a server that starts doesn't need
    const agent = new api.AtpAgent({ service: endpoint });
    await agent.login({ identifier: did, password });
    return { agent, did };
  } catch (cause) {
    throw serveErrors.publisher(describeError(cause), cause);
  }
}

/**
 * Publishes the feed's record: one for all arms. Doing it again replaces it, and keeps when it was created.
 * @throws FeedtrialError FT_SERVE_FEED, FT_SERVE_PUBLISHER
 */
export async function registerFeed(store: StudyStore, options: RegisterOptions): Promise<Registration> {
  const { config } = store;
  const { publisher, avatar, rkey = config.feedRkey, now = Date.now } = options;
  const { displayName, description, acceptsInteractions } = requireDescription(options);
  const avatarType = avatar === undefined ? undefined : requireAvatar(avatar);
  const { study } = await useStudy(store, options.study, now);
  const { agent, did } = await signIn(config, publisher, options.resolverUrl);
  const repo = { repo: did, collection, rkey };
  const before = await agent.com.atproto.repo
    .getRecord(repo)
    .then(({ data }) => data.value as { createdAt?: unknown; avatar?: unknown })
    .catch(() => null); // not there yet
  const blob =
    avatar === undefined
      ? before?.avatar
      : (await agent.uploadBlob(avatar, { encoding: avatarType as string })).data.blob;
  const record = {
    $type: collection,
    did: config.serviceDid,
    displayName,
    ...(description === undefined ? {} : { description }),
    ...(blob === undefined ? {} : { avatar: blob }),
    acceptsInteractions,
    createdAt: typeof before?.createdAt === 'string' ? before.createdAt : new Date(now()).toISOString(),
  };
  const { data } = await agent.com.atproto.repo.putRecord({ ...repo, record }).catch((cause: unknown) => {
    throw serveErrors.publisher(describeError(cause), cause);
  });
  await store.db
    .insertInto('feed_registrations')
    .values({
      uri: data.uri,
      study,
      service_did: config.serviceDid,
      cid: data.cid,
      registered_us: Math.round(now() * 1000),
      unregistered_us: null,
      record: JSON.stringify(record),
    })
    .onConflict((conflict) =>
      conflict.column('uri').doUpdateSet({
        study,
        service_did: config.serviceDid,
        cid: data.cid,
        registered_us: Math.round(now() * 1000),
        unregistered_us: null,
        record: JSON.stringify(record),
      }),
    )
    .execute();
  const served = `at://${config.publisherDid ?? config.serviceDid}/${collection}/${config.feedRkey}`;
  const problem =
    served === data.uri
      ? await serviceProblem(config, data.uri)
      : `the server is configured for ${served}: set FEEDTRIAL_PUBLISHER_DID=${did} and FEEDTRIAL_FEED_RKEY=${rkey}`;
  return { uri: data.uri, cid: data.cid, serviceDid: config.serviceDid, problem };
}

/** Takes the feed's record away; the app then says that there is no such feed. Harmless to repeat. */
export async function unregisterFeed(
  store: StudyStore,
  options: Pick<RegisterOptions, 'publisher' | 'rkey' | 'resolverUrl' | 'now'>,
): Promise<{ uri: string }> {
  const { config } = store;
  const { publisher, rkey = config.feedRkey, now = Date.now } = options;
  const { agent, did } = await signIn(config, publisher, options.resolverUrl);
  await agent.com.atproto.repo.deleteRecord({ repo: did, collection, rkey });
  const uri = `at://${did}/${collection}/${rkey}`;
  await store.db
    .updateTable('feed_registrations')
    .set({ unregistered_us: Math.round(now() * 1000) })
    .where('uri', '=', uri)
    .where('unregistered_us', 'is', null)
    .execute();
  return { uri };
}

/** Every feed that was registered from this store, oldest first. */
export async function listFeeds(store: StudyStore): Promise<
  {
    uri: string;
    study: string;
    service_did: string;
    registered_us: number;
    unregistered_us: number | null;
    display_name: string;
  }[]
> {
  const rows = await store.db.selectFrom('feed_registrations').selectAll().orderBy('registered_us').execute();
  return rows.map(({ uri, study, service_did, registered_us, unregistered_us, record }) => ({
    uri,
    study,
    service_did,
    registered_us,
    unregistered_us,
    display_name: (JSON.parse(record) as { displayName: string }).displayName,
  }));
}
