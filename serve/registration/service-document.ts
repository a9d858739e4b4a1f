import { fetchJson } from '../../ops/fetch/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { resolveDid } from '../../study/index.ts';

/**
 * Whether the network can find the feed server by its DID: the document names a `#bsky_fg` service, and what answers there says
 * that it has this feed.
 * @returns null where all is well, else what is wrong and what to do
 */
export async function serviceProblem(config: Config, feedUri: string): Promise<string | null> {
  const { serviceDid, plcUrl, allowLoopback } = config;
  let document: unknown;
  try {
    document = await resolveDid(serviceDid, { plcUrl, allowLoopback });
  } catch (error) {
    return `${serviceDid} can not be resolved (${describeError(error)}): ${
      serviceDid.startsWith('did:web:')
        ? `start 'feedtrial serve' behind https://${config.hostname}, which serves its document`
        : 'create the DID in its directory first'
    }`;
  }
  const services = (document as { service?: unknown }).service;
  const found = (Array.isArray(services) ? services : []).find(
    (one: { id?: unknown }) => one.id === '#bsky_fg' || one.id === `${serviceDid}#bsky_fg`,
  ) as { serviceEndpoint?: unknown } | undefined;
  if (typeof found?.serviceEndpoint !== 'string')
    return `the document of ${serviceDid} names no #bsky_fg service: add one of type BskyFeedGenerator with the endpoint https://${config.hostname}`;
  const endpoint = new URL('/xrpc/app.bsky.feed.describeFeedGenerator', found.serviceEndpoint);
  try {
    const said = (await fetchJson(endpoint, { publicOnly: !allowLoopback })) as {
      did?: unknown;
      feeds?: { uri?: unknown }[];
    };
    if (said.did !== serviceDid)
      return `${endpoint.host} says that it is ${String(said.did)}, not ${serviceDid}`;
    if (said.feeds?.some(({ uri }) => uri === feedUri) !== true)
      return `${endpoint.host} does not have ${feedUri}: set FEEDTRIAL_PUBLISHER_DID and FEEDTRIAL_FEED_RKEY there`;
    return null;
  } catch (error) {
    return `${endpoint.host} does not answer as a feed generator (${describeError(error)})`;
  }
}
