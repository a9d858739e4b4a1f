/** What a reader got at one second of the day. */
export interface Probe {
  atMs: number;
  who: string;
  status: number;
  posts: number;
  milliseconds: number;
  reqId: string | null;
  problem: string | null;
}

export interface Prober {
  probes: Probe[];
  /** Seconds at which the server itself, without the proxy before it, did not answer. */
  readonly bareRefusals: number;
  /** Readers whose token could not be had, or was too old by the time, which says nothing about the feed. */
  readonly tokenless: number;
  stop(): Promise<void>;
}

/**
 * Asks for a feed every second, in turn as somebody without an account and as each participant; and asks the server itself
 * whether it is there.
 */
export function startProber(options: {
  frontUrl: string;
  serverUrl: string;
  feedUri: string;
  participants: number;
  token: (participant: number) => Promise<string>;
}): Prober {
  const { frontUrl, serverUrl, feedUri, participants, token } = options;
  const probes: Probe[] = [];
  const underWay = new Set<Promise<void>>();
  let turn = 0;
  let bareRefusals = 0;
  let tokenless = 0;

  const ask = async (): Promise<void> => {
    const participant = turn++ % (participants + 1);
    const who = participant === 0 ? 'anonymous' : `participant ${participant}`;
    let authorization: string | null = null;
    if (participant > 0) {
      try {
        authorization = `Bearer ${await token(participant - 1)}`;
      } catch {
        tokenless += 1;
        return;
      }
    }
    const url = new URL('/xrpc/app.bsky.feed.getFeedSkeleton', frontUrl);
    url.searchParams.set('feed', feedUri);
    url.searchParams.set('limit', '30');
    const began = performance.now();
    const probe: Probe = {
      atMs: Date.now(),
      who,
      status: 0,
      posts: 0,
      milliseconds: 0,
      reqId: null,
      problem: null,
    };
    try {
      const answer = await fetch(url, {
        headers: authorization === null ? {} : { authorization },
        signal: AbortSignal.timeout(60_000),
      });
      const text = await answer.text();
      probe.status = answer.status;
      if (answer.ok) {
        const body = JSON.parse(text) as { feed: unknown[]; reqId?: string };
        probe.posts = body.feed.length;
        probe.reqId = body.reqId ?? null;
      } else probe.problem = text.slice(0, 300);
    } catch (error) {
      probe.problem = String(error);
    }
    probe.milliseconds = performance.now() - began;
    // an hour of the day can pass at once between the making of a token and its use: a reader without one, not one without a page
    if (probe.problem?.includes('JwtExpired')) tokenless += 1;
    else probes.push(probe);
  };
  const askBare = async (): Promise<void> => {
    const there = await fetch(`${serverUrl}/health`, { signal: AbortSignal.timeout(900) }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (!there) bareRefusals += 1;
  };
  const timer = setInterval(() => {
    for (const one of [ask(), askBare()]) {
      underWay.add(one);
      void one.finally(() => underWay.delete(one));
    }
  }, 1_000);
  return {
    probes,
    get bareRefusals() {
      return bareRefusals;
    },
    get tokenless() {
      return tokenless;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
