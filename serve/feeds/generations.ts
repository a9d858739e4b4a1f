import { z } from 'zod';
import {
  erasuresPath,
  generationFolder,
  openServingGently,
  readCurrentGeneration,
  servingPath,
  type Lake,
  type ServingIndex,
} from '../../lake/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { log } from '../../ops/telemetry/index.ts';
import { unavailable } from '../errors.ts';

export interface Generation {
  readonly id: string;
  readonly index: ServingIndex;
  /** The moment that it was ranked for, microseconds UTC. */
  readonly asOfUs: number;
  /** When it came into force, microseconds UTC. */
  readonly publishedUs: number;
}

/** The generations that are being read, in memory. */
export interface Generations {
  /** The one in force; null before the first was published. Ask once a request: it changes under way. */
  readonly current: Generation | null;
  /**
   * A generation by name, from memory or the lake; null where it never was in force, came into force over two days ago and
   * has been replaced, or can't be made out.
   * @throws XrpcError 503 where the lake can't be read now
   */
  find(id: string): Promise<Generation | null>;
  /** Looks whether the pointer has moved and loads what it points to. Keeps what it has where that fails. */
  poll(): Promise<void>;
  /** When the oldest of those in memory was ranked, microseconds UTC; null where there is none. */
  readonly oldestAsOfUs: number | null;
}

const parseJson = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

const readableForUs = 48 * 3_600_000_000; // posts of an older one are out of date, and it may be cleared away

const whenPublished = z.object({ published_us: z.number() });
const whatItIs = z.object({ as_of_us: z.number() });

/** @param keep generations that stay in memory beside the current one, for readers who are paging through them */
export function openGenerations(lake: Lake, now: () => number = Date.now, keep = 3): Generations {
  let current: Generation | null = null;
  let older: Generation[] = []; // most recently read first
  const loading = new Map<string, Promise<Generation | null>>();
  let polling: Promise<void> | null = null;
  let erasures: string | null = null; // as it was when what is in memory was read

  const decode = async (id: string, bytes: Uint8Array): Promise<ServingIndex> => {
    const index = await openServingGently(bytes);
    if (index.generation !== id)
      throw new Error(`${servingPath(id)} holds generation '${index.generation}', not '${id}'`);
    return index;
  };

  const isReadable = ({ publishedUs }: { publishedUs: number }): boolean =>
    now() * 1000 - publishedUs <= readableForUs;

  /** @throws where the lake can't be read */
  const loadOlder = async (id: string): Promise<Generation | null> => {
    const read = (name: string) => lake.read(`${generationFolder(id)}/${name}`);
    const published = await read('published.json'); // without it, what is there may be half of a generation
    if (published === null) {
      await look(); // another server may have seen the pointer move before this one
      return current?.id === id ? current : null;
    }
    let publishedUs: number;
    try {
      publishedUs = whenPublished.parse(parseJson(published)).published_us;
    } catch (error) {
      return damaged(id, error);
    }
    if (!isReadable({ publishedUs })) return null;
    const [manifest, serving] = [await read('manifest.json'), await lake.read(servingPath(id))];
    if (manifest === null || serving === null) return null;
    try {
      const { as_of_us: asOfUs } = whatItIs.parse(parseJson(manifest));
      return { id, index: await decode(id, serving), asOfUs, publishedUs };
    } catch (error) {
      return damaged(id, error);
    }
  };

  const damaged = (id: string, error: unknown): null => {
    log.error('an older generation is damaged', { generation: id, error: describeError(error) });
    return null;
  };

  const keepOlder = (generation: Generation): void => {
    older = [generation, ...older.filter((other) => other.id !== generation.id)].slice(0, keep);
  };

  const poll = async (): Promise<void> => {
    try {
      const pointer = await readCurrentGeneration(lake);
      const seen =
        (await lake.read(erasuresPath).then((bytes) => bytes && Buffer.from(bytes).toString())) ?? '';
      const erased = erasures !== null && seen !== erasures;
      if (erased) older = []; // someone was taken out of files that were read before
      if (pointer === null) return;
      if (pointer.generation === current?.id && !erased) {
        erasures ??= seen;
        return;
      }
      const bytes = await lake.read(pointer.serving);
      if (bytes === null) throw new Error(`${pointer.serving} is not there`);
      const next: Generation = {
        id: pointer.generation,
        index: await decode(pointer.generation, bytes),
        asOfUs: pointer.as_of_us,
        publishedUs: pointer.published_us,
      };
      if (current !== null && !erased) keepOlder(current);
      erasures = seen;
      older = older.filter((other) => other.id !== next.id);
      current = next;
      log.info('generation in force', { generation: next.id, feeds: next.index.feedCount });
    } catch (error) {
      log.error('the generation in force can not be loaded; serving goes on with the one before', {
        error: describeError(error),
      });
    }
  };

  const look = (): Promise<void> => {
    polling ??= poll().finally(() => {
      polling = null;
    });
    return polling;
  };

  return {
    get current() {
      return current;
    },
    async find(id) {
      if (current?.id === id) return current;
      const known = older.find((generation) => generation.id === id);
      if (known) {
        if (!isReadable(known)) return null;
        keepOlder(known);
        return known;
      }
      const running = loading.get(id);
      if (running) return running;
      // invented names must not fill the memory with files
      if (loading.size >= 4) throw unavailable('other generations are being read: ask again');
      const erasuresBefore = erasures;
      const started = loadOlder(id)
        // someone may have been taken out of the file after it was read
        .then((generation) => (erasures === erasuresBefore ? generation : loadOlder(id)))
        .then((generation) => {
          if (generation && generation !== current) keepOlder(generation);
          return generation;
        })
        .catch((error: unknown) => {
          log.error('an older generation can not be read', { generation: id, error: describeError(error) });
          throw unavailable('the generation that this cursor is of can not be read now');
        })
        .finally(() => loading.delete(id));
      loading.set(id, started);
      return started;
    },
    poll: look,
    get oldestAsOfUs() {
      const known = [current, ...older].filter((g) => g !== null).map((g) => g.asOfUs);
      return known.length > 0 ? Math.min(...known) : null;
    },
  };
}
