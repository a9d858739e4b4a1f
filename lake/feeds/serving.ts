import { setImmediate } from 'node:timers/promises';
import {
  Dictionary,
  Field,
  List,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Uint32,
  Utf8,
  Vector,
  makeData,
  tableFromIPC,
  tableToIPC,
  type Data,
} from 'apache-arrow';
import { feedErrors } from './errors.ts';

/** Participant id of the feed of everyone who has no feed of their own. */
export const defaultParticipant = '_default';

/** One participant's feed in one generation. */
export interface ServedFeed {
  /** Pseudonymous id in the study, or `_default`. */
  participantId: string;
  arm: string;
  policy: string;
  policyVersion: string;
  /** Index into the URIs of each post, in feed order: `positions[0]` is position 1. */
  positions: Uint32Array;
}

/** A generation as the feed server needs it. */
export interface ServingFile {
  generation: string;
  /** Every post of any feed, once. */
  uris: string[];
  feeds: ServedFeed[];
}

/** A decoded generation on top of the file's own buffers: no string is made for a post until it is asked for. */
export interface ServingIndex {
  readonly generation: string;
  readonly uriCount: number;
  readonly feedCount: number;
  /** Positions of all feeds together. */
  readonly positionCount: number;
  /** URI at an index of `positions`. */
  uri(index: number): string;
  /** Feed of a participant; undefined where this generation has none. */
  feed(participantId: string): ServedFeed | undefined;
  /** Participants of this generation, `_default` among them, in the file's order. */
  participants(): Iterable<string>;
}

const format = 'serving/1';
const formatKey = 'feedtrial.format';
const generationKey = 'feedtrial.generation';

// Ids are written to the file. Arrow's own are counted up in the process, and the same feeds must give the same bytes.
const dictionaryIds = { posts: 0, arm: 1, policy: 2, policyVersion: 3 } as const;

const utf8 = new TextEncoder();

/** Strings as one blob and the offsets of where each begins, as Arrow keeps them. */
function utf8Data(values: readonly string[]): Data<Utf8> {
  const parts = values.map((value) => utf8.encode(value));
  const valueOffsets = new Int32Array(values.length + 1);
  let bytes = 0;
  parts.forEach((part, i) => {
    bytes += part.length;
    if (bytes > 0x7fff_ffff) throw feedErrors.servingInvalid('its texts are over 2 GiB');
    valueOffsets[i + 1] = bytes;
  });
  const data = new Uint8Array(bytes);
  parts.forEach((part, i) => {
    data.set(part, valueOffsets[i]);
  });
  return makeData({ type: new Utf8(), length: values.length, nullCount: 0, valueOffsets, data });
}

function dictionaryData(
  id: number,
  values: readonly string[],
  indices: Uint32Array,
): Data<Dictionary<Utf8, Uint32>> {
  return makeData({
    type: new Dictionary(new Utf8(), new Uint32(), id),
    length: indices.length,
    nullCount: 0,
    data: indices,
    dictionary: new Vector([utf8Data(values)]),
  });
}

/** A column of few different values: each once, in order of first use. */
function categoryData(id: number, values: readonly string[]): Data<Dictionary<Utf8, Uint32>> {
  const known = new Map<string, number>();
  const indices = Uint32Array.from(values, (value) => {
    const index = known.get(value) ?? known.size;
    known.set(value, index);
    return index;
  });
  return dictionaryData(id, [...known.keys()], indices);
}

/**
 * Encodes a generation as one Arrow IPC file: one row a feed with columns `participant_id`, `arm`, `policy`,
 * `policy_version` and `posts`, a list of dictionary-encoded URIs, so that any Arrow tool reads lists of URIs and each
 * URI is in the file once. The generation's id is in the schema's metadata. Equal input gives equal bytes.
 * @throws FeedtrialError FT_LAKE_SERVING_INVALID for an index outside the URIs or a participant that comes twice
 */
export function encodeServing(file: ServingFile): Uint8Array {
  const { generation, uris, feeds } = file;
  const seen = new Set<string>();
  let total = 0;
  for (const feed of feeds) {
    if (seen.has(feed.participantId))
      throw feedErrors.servingInvalid(`participant '${feed.participantId}' has two feeds`);
    seen.add(feed.participantId);
    total += feed.positions.length;
  }
  const valueOffsets = new Int32Array(feeds.length + 1);
  const indices = new Uint32Array(total);
  let at = 0;
  feeds.forEach((feed, i) => {
    for (const index of feed.positions) {
      if (index >= uris.length)
        throw feedErrors.servingInvalid(
          `'${feed.participantId}' refers to post ${index} of ${uris.length} (counted from 0)`,
        );
      indices[at++] = index;
    }
    valueOffsets[i + 1] = at;
  });
  const posts = dictionaryData(dictionaryIds.posts, uris, indices);
  const columns: [string, Data][] = [
    ['participant_id', utf8Data(feeds.map((feed) => feed.participantId))],
    [
      'arm',
      categoryData(
        dictionaryIds.arm,
        feeds.map((feed) => feed.arm),
      ),
    ],
    [
      'policy',
      categoryData(
        dictionaryIds.policy,
        feeds.map((feed) => feed.policy),
      ),
    ],
    [
      'policy_version',
      categoryData(
        dictionaryIds.policyVersion,
        feeds.map((feed) => feed.policyVersion),
      ),
    ],
    [
      'posts',
      makeData({
        type: new List(new Field('uri', posts.type, false)),
        length: feeds.length,
        nullCount: 0,
        valueOffsets,
        child: posts,
      }),
    ],
  ];
  const schema = new Schema(
    columns.map(([name, data]) => new Field(name, data.type, false)),
    new Map([
      [formatKey, format],
      [generationKey, generation],
    ]),
  );
  const rows = makeData({
    type: new Struct(schema.fields),
    length: feeds.length,
    nullCount: 0,
    children: columns.map(([, data]) => data),
  });
  return tableToIPC(new Table(schema, new RecordBatch(schema, rows)), 'file');
}

/** The single chunk of a column, or an empty answer where the file has no rows. */
function column(table: Table, name: string): Data | undefined {
  const vector = table.getChild(name);
  if (vector === null) throw feedErrors.servingMalformed(`it has no column '${name}'`);
  if (vector.data.length > 1) throw feedErrors.servingMalformed(`column '${name}' comes in several batches`);
  return vector.data[0];
}

/** Reads strings of an Arrow text column without keeping any. */
function textReader(data: Data | undefined): (index: number) => string {
  if (data === undefined) return () => '';
  const { valueOffsets, values } = data as Data<Utf8>;
  const blob = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return (index) => blob.toString('utf8', valueOffsets[index], valueOffsets[index + 1]);
}

/** Reads a column of few different values; each is made once. */
function categoryReader(data: Data | undefined): (row: number) => string {
  if (data?.dictionary === undefined) return () => '';
  const read = textReader(data.dictionary.data[0]);
  const names = Array.from({ length: data.dictionary.length }, (_, i) => read(i));
  const indices = data.values as Uint32Array;
  return (row) => names[indices[row] as number] ?? '';
}

/** Most posts stand in many feeds: each text is made once, where all of them take no more than some 25 MB. */
const keptUris = 200_000;

function keptReader(read: (index: number) => string, count: number): (index: number) => string {
  const kept = new Array<string | undefined>(count);
  return (index) => (kept[index] ??= read(index));
}

const positionsAStep = 100_000; // a step takes about a millisecond
const feedsAStep = 1_000;

/**
 * Decodes a generation for serving, on top of the given bytes (keep them unchanged). 10,000 feeds of 100 positions take
 * some ten milliseconds, which a server should not spend at once: it pauses at each `yield`.
 * @throws FeedtrialError FT_LAKE_SERVING_MALFORMED where the bytes are not what `encodeServing` writes
 */
function* decodeInSteps(bytes: Uint8Array): Generator<undefined, ServingIndex> {
  let table: Table;
  try {
    table = tableFromIPC(bytes);
  } catch (error) {
    throw feedErrors.servingMalformed('Arrow can not read it', error);
  }
  const { metadata } = table.schema;
  if (metadata.get(formatKey) !== format)
    throw feedErrors.servingMalformed(
      `its ${formatKey} is '${metadata.get(formatKey) ?? ''}', not '${format}'`,
    );
  const generation = metadata.get(generationKey) ?? '';
  const participantData = column(table, 'participant_id');
  const participantAt = textReader(participantData);
  const feedCount = participantData?.length ?? 0;
  const armAt = categoryReader(column(table, 'arm'));
  const policyAt = categoryReader(column(table, 'policy'));
  const versionAt = categoryReader(column(table, 'policy_version'));
  const lists = column(table, 'posts') as Data<List<Dictionary<Utf8, Uint32>>> | undefined;
  const posts = lists?.children[0];
  const offsets = (lists?.valueOffsets ?? new Int32Array(1)) as Int32Array;
  const indices = (posts?.values ?? new Uint32Array()) as Uint32Array;
  const uriData = posts?.dictionary?.data[0];
  const uriCount = posts?.dictionary?.length ?? 0;
  const readUri = uriCount > keptUris ? textReader(uriData) : keptReader(textReader(uriData), uriCount);
  const positionCount = offsets[feedCount] ?? 0;
  for (let i = 0; i < positionCount; i++) {
    if (i % positionsAStep === 0) yield;
    if ((indices[i] as number) >= uriCount)
      throw feedErrors.servingMalformed(`position ${i} refers to post ${indices[i]} of ${uriCount}`);
  }
  const rowOf = new Map<string, number>();
  for (let row = 0; row < feedCount; row++) {
    if (row % feedsAStep === 0) yield;
    rowOf.set(participantAt(row), row);
  }

  return {
    generation,
    uriCount,
    feedCount,
    positionCount,
    uri(index) {
      if (index < 0 || index >= uriCount) throw new RangeError(`post ${index} of ${uriCount}`);
      return readUri(index);
    },
    feed(participantId) {
      const row = rowOf.get(participantId);
      if (row === undefined) return undefined;
      return {
        participantId,
        arm: armAt(row),
        policy: policyAt(row),
        policyVersion: versionAt(row),
        positions: indices.subarray(offsets[row], offsets[row + 1]),
      };
    },
    participants: () => rowOf.keys(),
  };
}

/** Decodes a generation for serving, all at once; what it throws is what `openServingGently` throws. */
export function openServing(bytes: Uint8Array): ServingIndex {
  const steps = decodeInSteps(bytes);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Decodes a generation between requests: the event loop goes on after each millisecond or two of work.
 * @throws FeedtrialError FT_LAKE_SERVING_MALFORMED where the bytes are not what `encodeServing` writes
 */
export async function openServingGently(bytes: Uint8Array): Promise<ServingIndex> {
  const steps = decodeInSteps(bytes);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** Decodes a generation whole, for checks and tests; the server uses `openServingGently`. */
export function decodeServing(bytes: Uint8Array): ServingFile {
  const index = openServing(bytes);
  return {
    generation: index.generation,
    uris: Array.from({ length: index.uriCount }, (_, i) => index.uri(i)),
    feeds: Array.from(index.participants(), (id) => index.feed(id) as ServedFeed),
  };
}
