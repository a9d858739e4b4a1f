import { serveErrors } from '../errors.ts';

/** What readers see of the feed. The same for every arm: nothing in it tells which arm somebody is in. */
export interface FeedDescription {
  displayName: string;
  description?: string | undefined;
  /** Whether the app sends what readers saw and did. */
  acceptsInteractions: boolean;
}

/** Limits of the lexicon: what readers count as characters, and bytes. */
const limits = { displayName: [24, 240], description: [300, 3_000] } as const;

/** Makes its segmenter when it is asked: ICU's tables are much to load for a server that registers nothing. */
export const countGraphemes = (text: string): number =>
  [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)].length;

/** @throws FeedtrialError FT_SERVE_FEED saying which text is too long, and by how much */
export function requireDescription(feed: FeedDescription): FeedDescription {
  for (const name of ['displayName', 'description'] as const) {
    const text = feed[name];
    if (text === undefined) continue;
    const [graphemes, bytes] = limits[name];
    const [counted, size] = [countGraphemes(text), Buffer.byteLength(text)];
    if (text.trim() === '') throw serveErrors.badFeed(`its ${name} is empty`);
    if (counted > graphemes)
      throw serveErrors.badFeed(`its ${name} has ${counted} characters, and may have ${graphemes}`);
    if (size > bytes) throw serveErrors.badFeed(`its ${name} takes ${size} bytes, and may take ${bytes}`);
  }
  return feed;
}

const maxAvatarBytes = 1_000_000;

/** Kind of an avatar by its first bytes, whatever its name says. @throws FeedtrialError FT_SERVE_FEED */
export function requireAvatar(bytes: Uint8Array): 'image/png' | 'image/jpeg' {
  if (bytes.length > maxAvatarBytes)
    throw serveErrors.badFeed(`its avatar has ${bytes.length} bytes, and may have ${maxAvatarBytes}`);
  const head = Buffer.from(bytes.subarray(0, 8)).toString('hex');
  if (head === '89504e470d0a1a0a') return 'image/png';
  if (head.startsWith('ffd8ff')) return 'image/jpeg';
  throw serveErrors.badFeed('its avatar is neither a PNG nor a JPEG');
}
