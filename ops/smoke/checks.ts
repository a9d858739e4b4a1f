/** One promise of a deployed feed server, checked from outside. */
export interface SmokeResult {
  name: string;
  isOk: boolean;
  found: string;
  fix: string | null;
}

export interface SmokeOptions {
  /** Such as 'https://feeds.example.org', as Bluesky reaches it. */
  url: string;
  onResult?: (result: SmokeResult) => void;
  fetch?: typeof globalThis.fetch;
}

const timeoutMs = 10_000;

interface Answer {
  status: number;
  type: string;
  body: unknown;
  ms: number;
}

interface Skeleton {
  cursor?: string;
  feed?: { post: string }[];
}

/**
 * Asks a server what Bluesky would ask, without being a participant: it changes nothing but a few exposures of the default
 * feed. Each check says what to do where it fails; those after one that they need are left out.
 */
export async function smoke(options: SmokeOptions): Promise<SmokeResult[]> {
  const { onResult = () => undefined, fetch = globalThis.fetch } = options;
  const base = new URL(options.url);
  const results: SmokeResult[] = [];
  const say = (name: string, isOk: boolean, found: string, fix: string): boolean => {
    const result = { name, isOk, found, fix: isOk ? null : fix };
    results.push(result);
    onResult(result);
    return isOk;
  };
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const beganMs = performance.now();
    const answer = await fetch(new URL(path, base), {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await answer.text();
    let body: unknown = text;
    try {
      body = JSON.parse(text);
    } catch {
      // it stays text
    }
    return {
      status: answer.status,
      type: answer.headers.get('content-type') ?? '',
      body,
      ms: performance.now() - beganMs,
    };
  };

  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(base.hostname);
  say(
    'encrypted',
    base.protocol === 'https:' || isLocal,
    base.protocol.slice(0, -1),
    'Bluesky asks by https only: put Caddy or another proxy with TLS in front',
  );

  try {
    const health = await ask('/health');
    if (
      !say(
        'alive',
        health.status === 200,
        `/health answers ${health.status}`,
        'see whether the server runs and the proxy points to it',
      )
    )
      return results;
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error
        ? `${error.message}: ${error.cause.message}`
        : String(error);
    say(
      'alive',
      false,
      cause,
      'check DNS, the certificate, the firewall (ports 80 and 443), and that the server runs',
    );
    return results;
  }
  const ready = await ask('/ready');
  say(
    'ready',
    ready.status === 200,
    `/ready answers ${ready.status}${(ready.body as { reason?: string }).reason ? `: ${(ready.body as { reason?: string }).reason}` : ''}`,
    "'feedtrial status' on the server says what is missing",
  );

  const document = await ask('/.well-known/did.json');
  const did = document.body as {
    id?: string;
    service?: { id: string; type: string; serviceEndpoint: string }[];
  };
  const service = did.service?.find((one) => one.type === 'BskyFeedGenerator');
  const expected = `did:web:${base.host.replaceAll(':', '%3A')}`;
  say(
    'identity',
    document.status === 200 &&
      typeof did.id === 'string' &&
      (isLocal || did.id === expected || !did.id.startsWith('did:web:')),
    did.id ?? `did.json answers ${document.status}`,
    `set FEEDTRIAL_HOSTNAME=${base.host}`,
  );
  say(
    'endpoint',
    service?.id === '#bsky_fg' && (isLocal || service.serviceEndpoint === base.origin),
    service?.serviceEndpoint ?? 'no service of type BskyFeedGenerator',
    'set FEEDTRIAL_HOSTNAME to the public name',
  );

  const described = await ask('/xrpc/app.bsky.feed.describeFeedGenerator');
  const feeds = (described.body as { did?: string; feeds?: { uri: string }[] }).feeds ?? [];
  const uri = feeds[0]?.uri;
  if (
    !say(
      'described',
      described.status === 200 && uri !== undefined,
      uri ?? `describeFeedGenerator answers ${described.status}`,
      'set FEEDTRIAL_PUBLISHER_DID and FEEDTRIAL_FEED_RKEY',
    ) ||
    uri === undefined
  )
    return results;
  say(
    'publisher',
    isLocal || /^at:\/\/did:(plc|web):/.test(uri),
    uri,
    'set FEEDTRIAL_PUBLISHER_DID to the account that publishes the feed, then register it',
  );

  const page = (query: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(`/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(uri)}${query}`, headers);
  const first = await page('&limit=10');
  const skeleton = first.body as Skeleton;
  const posts = skeleton.feed?.map((one) => one.post) ?? [];
  say(
    'default feed',
    first.status === 200 && posts.length > 0 && posts.every((post) => post.startsWith('at://')),
    `${posts.length} posts, ${first.status}`,
    "publish a generation: 'feedtrial cycle'",
  );
  if (skeleton.cursor !== undefined) {
    const next = await page(`&limit=10&cursor=${encodeURIComponent(skeleton.cursor)}`);
    const more = ((next.body as Skeleton).feed ?? []).map((one) => one.post);
    say(
      'pages',
      next.status === 200 && more.every((post) => !posts.includes(post)),
      `${more.length} posts on the second page, none twice`,
      'a proxy must not cache, and must pass the query on',
    );
  }
  const again = await page('&limit=10');
  say(
    'stable',
    JSON.stringify((again.body as Skeleton).feed?.map((one) => one.post)) === JSON.stringify(posts),
    'the same question has the same answer',
    'a new generation may have come into force: try again; or two servers of different lakes answer',
  );

  const forged = await page('&limit=1', { authorization: 'Bearer not.a.token' });
  say(
    'bad token',
    forged.status === 401,
    `answers ${forged.status}`,
    'the proxy must pass the Authorization header on',
  );
  const wrong = await page('&limit=1000');
  say(
    'bad question',
    wrong.status === 400,
    `limit=1000 answers ${wrong.status}`,
    'something else answers in place of the feed server',
  );

  const metrics = await ask('/metrics');
  say(
    'metrics kept in',
    isLocal || metrics.status !== 200,
    `/metrics answers ${metrics.status}`,
    'let the proxy refuse /metrics from outside: docs/operate.md has the lines for Caddy',
  );
  const times = [];
  for (let n = 0; n < 10; n++) times.push((await page('&limit=30')).ms);
  const slow = times.toSorted((a, b) => a - b)[8] ?? 0;
  say(
    'quick',
    slow < 1_000,
    `9 of 10 answers within ${slow.toFixed(0)} ms`,
    'see docs/runbook/server_slow.md',
  );
  return results;
}
