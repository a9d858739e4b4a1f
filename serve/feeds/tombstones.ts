import {
  liveTombstoneFolder,
  liveTombstoneFromMs,
  openEngine,
  partitionTime,
  readLiveTombstones,
  sqlText,
  tables,
  type Lake,
  type StoredFile,
} from '../../lake/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { log } from '../../ops/telemetry/index.ts';

/** Posts and accounts that may no longer be shown. */
export interface Tombstones {
  isHidden(uri: string): boolean;
  /** Reads what landing and capture have written since. Keeps what it has where that fails. */
  poll(): Promise<void>;
  /** True once they have been read: before, what is shown may have been deleted. */
  readonly loaded: boolean;
  readonly size: number;
}

interface Row {
  kind: string;
  did: string;
  uri: string | null;
  hidden: boolean;
  event_us: bigint | number;
}

const dayUs = 86_400_000_000;
// A deletion lands under the time when it happened, which may be long ago: a post is two days old when it is last ranked, and
// a relay keeps three days for a capture that was away.
const marginUs = 5 * dayUs;

/** A file of live deletions grows for some minutes: so long after its beginning nothing more comes into it. */
const liveFileForMs = 3_600_000;

/** Days from a moment to another, as partitions name them. */
function days(fromUs: number, toUs: number): string[] {
  const names: string[] = [];
  for (let us = Math.floor(fromUs / dayUs) * dayUs; us <= toUs; us += dayUs) names.push(partitionTime(us).dt);
  return names;
}

export interface TombstonesOptions {
  lake: Lake;
  /** When the oldest generation that is served was ranked: what was deleted five days before that isn't in it. */
  oldestAsOfUs: () => number | null;
  now?: () => number;
}

export function openTombstones(options: TombstonesOptions): Tombstones {
  const { lake, oldestAsOfUs, now = Date.now } = options;
  const posts = new Map<string, { hidden: boolean; us: number }>();
  const accounts = new Map<string, { hidden: boolean; us: number }>();
  let read = new Set<string>();
  let readLive = new Map<string, number>(); // bytes of each file when it was read
  let readFromUs = Infinity;
  let loaded = false;
  let polling: Promise<void> | null = null;

  const take = (row: Row): void => {
    const [names, name] = row.kind === 'account' ? [accounts, row.did] : [posts, row.uri];
    if (name === null) return;
    const us = Number(row.event_us);
    const before = names.get(name);
    if (before === undefined || us > before.us || (us === before.us && row.hidden))
      names.set(name, { hidden: row.hidden, us });
  };

  /** What capture has seen and landing has not: reads files that have grown. */
  const pollLive = async (fromUs: number): Promise<void> => {
    const files: StoredFile[] = (await lake.list(liveTombstoneFolder)).filter(({ path }) => {
      const beganMs = liveTombstoneFromMs(path);
      return beganMs !== null && (beganMs + liveFileForMs) * 1000 >= fromUs;
    });
    for (const { path, bytes } of files) {
      if (readLive.get(path) === bytes) continue;
      const content = await lake.read(path);
      if (content === null) continue;
      for (const row of readLiveTombstones(content)) if (row.event_us >= fromUs) take(row);
    }
    readLive = new Map(files.map(({ path, bytes }) => [path, bytes]));
  };

  const poll = async (): Promise<void> => {
    const nowUs = now() * 1000;
    const fromUs = (oldestAsOfUs() ?? nowUs) - marginUs;
    if (fromUs < readFromUs) {
      // an older generation has come back: its time must be read too
      read = new Set();
      readLive = new Map();
    }
    readFromUs = fromUs;
    try {
      const files = (
        await Promise.all(
          days(fromUs, nowUs + dayUs).map((dt) => lake.list(`${tables.tombstones.folder}/dt=${dt}`)),
        )
      )
        .flat()
        .map((file) => file.path)
        .filter((path) => path.endsWith('.parquet'));
      const fresh = files.filter((path) => !read.has(path));
      if (fresh.length > 0) {
        const engine = await openEngine({ memoryLimit: '256MB', threads: 1 });
        try {
          const list = fresh.map((path) => sqlText(lake.uri(path))).join(', ');
          const rows = await engine.rows<Row>(
            `SELECT kind, did, uri, hidden, event_us FROM read_parquet([${list}], hive_partitioning = false)
             WHERE event_us >= ${Math.floor(fromUs)} AND (kind = 'account' OR uri LIKE 'at://%/app.bsky.feed.post/%')`,
          );
          for (const row of rows) take(row);
        } finally {
          await engine.close();
        }
      }
      read = new Set(files);
      await pollLive(fromUs);
      loaded = true;
      for (const [uri, { us }] of posts) if (us < fromUs) posts.delete(uri);
    } catch (error) {
      log.error('tombstones can not be read; posts deleted since may be shown', {
        error: describeError(error),
      });
    }
  };

  return {
    isHidden(uri) {
      if (posts.size > 0 && posts.get(uri)?.hidden === true) return true;
      if (accounts.size === 0) return false;
      return accounts.get(uri.slice(5, uri.indexOf('/', 5)))?.hidden === true;
    },
    poll() {
      polling ??= poll().finally(() => {
        polling = null;
      });
      return polling;
    },
    get loaded() {
      return loaded;
    },
    get size() {
      return posts.size + accounts.size;
    },
  };
}
