import {
  openServing,
  readCurrentGeneration,
  servingPath,
  type Lake,
  type ServingIndex,
} from '../../lake/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { log } from '../../ops/telemetry/index.ts';

export interface Generation {
  readonly id: string;
  readonly index: ServingIndex;
  /** The moment that it was ranked for, microseconds UTC; 0 where only an older file is known. */
  readonly asOfUs: number;
}

/** The generations that are being read, in memory. */
export interface Generations {
  /** The one in force; null before the first was published. Ask once a request: it changes under way. */
  readonly current: Generation | null;
  /** A generation by name, from memory or the lake; null where it is gone or never was. */
  find(id: string): Promise<Generation | null>;
  /** Looks whether the pointer has moved and loads what it points to. Keeps what it has where that fails. */
  poll(): Promise<void>;
  /** When the oldest of those in memory was ranked, microseconds UTC; null where there is none. */
  readonly oldestAsOfUs: number | null;
}

/** @param keep generations that stay in memory beside the current one, for readers who are paging through them */
export function openGenerations(lake: Lake, keep = 3): Generations {
  let current: Generation | null = null;
  let older: Generation[] = []; // most recently read first
  const loading = new Map<string, Promise<Generation | null>>();
  let polling: Promise<void> | null = null;

  const load = async (id: string, path: string, asOfUs: number): Promise<Generation | null> => {
    const bytes = await lake.read(path);
    if (bytes === null) return null;
    const index = openServing(bytes);
    if (index.generation !== id)
      throw new Error(`${path} holds generation '${index.generation}', not '${id}'`);
    return { id, index, asOfUs };
  };

  const keepOlder = (generation: Generation): void => {
    older = [generation, ...older.filter((other) => other.id !== generation.id)].slice(0, keep);
  };

  const poll = async (): Promise<void> => {
    try {
      const pointer = await readCurrentGeneration(lake);
      if (pointer === null || pointer.generation === current?.id) return;
      const next = await load(pointer.generation, pointer.serving, pointer.as_of_us);
      if (next === null) throw new Error(`${pointer.serving} is not there`);
      if (current !== null) keepOlder(current);
      older = older.filter((other) => other.id !== next.id);
      current = next;
      log.info('generation in force', { generation: next.id, feeds: next.index.feedCount });
    } catch (error) {
      log.error('the generation in force can not be loaded; serving goes on with the one before', {
        error: describeError(error),
      });
    }
  };

  return {
    get current() {
      return current;
    },
    async find(id) {
      if (current?.id === id) return current;
      const known = older.find((generation) => generation.id === id);
      if (known) {
        keepOlder(known);
        return known;
      }
      const running = loading.get(id);
      if (running) return running;
      if (loading.size >= 4) return null; // invented names must not fill the memory with files
      const started = load(id, servingPath(id), 0)
        .then((generation) => {
          if (generation) keepOlder(generation);
          return generation;
        })
        .catch((error: unknown) => {
          log.error('an older generation can not be loaded', { generation: id, error: describeError(error) });
          return null;
        })
        .finally(() => loading.delete(id));
      loading.set(id, started);
      return started;
    },
    poll() {
      polling ??= poll().finally(() => {
        polling = null;
      });
      return polling;
    },
    get oldestAsOfUs() {
      const known = [current, ...older]
        .filter((g) => g !== null && g.asOfUs > 0)
        .map((g) => (g as Generation).asOfUs);
      return known.length > 0 ? Math.min(...known) : null;
    },
  };
}
