import { createHash } from 'node:crypto';
import { openSegmentWriter } from '../../lake/index.ts';

/** Shares of a network's events by collection, near to what the relay carries. */
const shares: [collection: string, upTo: number][] = [
  ['app.bsky.feed.like', 0.56],
  ['app.bsky.feed.post', 0.68],
  ['app.bsky.feed.repost', 0.75],
  ['app.bsky.graph.follow', 0.91],
  ['app.bsky.graph.block', 0.94],
  ['app.bsky.actor.profile', 0.96],
  ['app.bsky.graph.listitem', 0.98],
];

const words =
  'the of and to in is it you that he was for on are with as his they be at one have this from or had by hot word but what some we can out other were all there when up use your how said an each she which do their time if will way about many then them write would like so these her long make thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name very through just form sentence great think say help low line differ turn cause much mean before move right boy old too same tell does set three want air well also play small end put home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture try us again animal point mother world near build self earth father'.split(
    ' ',
  );

/** Random numbers from a seed: mulberry32. */
function drawer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Fills a spool with seeded firehose segments in the shapes of the network: keys, CIDs and texts that compress as badly as
 * real ones do, a post's record 550 bytes long on average, 98 % records and 2 % identity and account events, 6 % of the operations deletes.
 * @returns bytes of the segments
 */
export async function fillSpool(spool: string, events: number): Promise<number> {
  const draw = drawer(20260704);
  const text = (length: number): string => {
    let made = '';
    for (let i = 0; i < length; i++) made += letters[Math.floor(draw() * 32)] ?? 'a';
    return made;
  };
  const sentence = (length: number): string =>
    Array.from({ length }, () =>
      draw() < 0.1 ? text(6) : (words[Math.floor(draw() ** 2 * words.length)] ?? ''),
    ).join(' ');
  const dids = Array.from(
    { length: 50_000 },
    (_, n) => `did:plc:${createHash('md5').update(String(n)).digest('hex').slice(0, 24)}`,
  );
  const account = (): string => dids[Math.floor(draw() ** 3 * dids.length)] ?? '';
  const subject = () => ({
    cid: `bafyrei${text(52)}`,
    uri: `at://${account()}/app.bsky.feed.post/3l${text(11)}`,
  });
  const blob = (mimeType: string) => ({
    $type: 'blob',
    ref: { $link: `bafkrei${text(52)}` },
    mimeType,
    size: Math.floor(draw() * 1e6),
  });
  const image = () => ({
    alt: draw() < 0.4 ? sentence(20) : '',
    aspectRatio: { height: 800 + Math.floor(draw() * 1200), width: 800 + Math.floor(draw() * 1200) },
    image: blob('image/jpeg'),
  });
  const card = () => ({
    uri: `https://www.${text(8)}.com/${text(6)}/${text(20)}`,
    title: sentence(10),
    description: sentence(20),
    thumb: blob('image/jpeg'),
  });
  const start = Date.UTC(2026, 6, 4, 10) * 1000;
  const record = (collection: string, createdAt: string): Record<string, unknown> => {
    if (collection === 'app.bsky.feed.post') {
      const said = sentence(3 + Math.floor(draw() * 30));
      const reply = draw() < 0.6 ? { reply: { root: subject(), parent: subject() } } : {};
      const shows = draw();
      const embed =
        shows < 0.3
          ? {
              embed: { $type: 'app.bsky.embed.images', images: [image(), ...(shows < 0.1 ? [image()] : [])] },
            }
          : shows < 0.45
            ? { embed: { $type: 'app.bsky.embed.external', external: card() } }
            : shows < 0.55
              ? { embed: { $type: 'app.bsky.embed.record', record: subject() } }
              : {};
      return { text: said, $type: collection, langs: ['en'], ...reply, ...embed, createdAt };
    }
    if (collection === 'app.bsky.actor.profile')
      return { $type: collection, displayName: text(10), description: text(80), createdAt };
    if (collection.startsWith('app.bsky.graph')) return { $type: collection, subject: account(), createdAt };
    return { $type: collection, subject: subject(), createdAt };
  };
  const writer = openSegmentWriter({ spool, stream: 'firehose', format: 'firehose/1', maxAgeMs: 1e12 });
  let bytes = 0;
  for (let seq = 1; seq <= events;) {
    const lines: string[] = [];
    for (; seq <= events && lines.length < 2_000; seq++) {
      const event_us = start + seq * 1_000; // a thousand events a second
      const common = { seq, event_us, did: account(), ingested_at: event_us + 250_000, source: 'firehose' };
      const kind = draw();
      if (kind < 0.01) lines.push(JSON.stringify({ t: 'identity', ...common, handle: `${text(9)}.test` }));
      else if (kind < 0.02)
        lines.push(JSON.stringify({ t: 'account', ...common, active: true, status: null }));
      else {
        const share = draw();
        const collection = shares.find(([, upTo]) => share < upTo)?.[0] ?? 'com.example.other.record';
        const deleted = draw() < 0.06;
        const createdAt = new Date(event_us / 1000).toISOString();
        lines.push(
          JSON.stringify({
            t: 'record',
            ...common,
            live: true,
            verified: true,
            collection,
            rkey: `3l${text(11)}`,
            operation: deleted ? 'delete' : 'create',
            cid: deleted ? null : `bafyrei${text(52)}`,
            rev: `3l${text(11)}`,
            record: deleted ? null : record(collection, createdAt),
          }),
        );
      }
    }
    const chunk = `${lines.join('\n')}\n`;
    bytes += Buffer.byteLength(chunk);
    writer.append(chunk, lines.length, seq - 1);
    writer.flush();
    await writer.rotateIfDue();
  }
  await writer.close();
  return bytes;
}
