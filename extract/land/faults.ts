import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { sqlText, type Engine, type SealedSegment } from '../../lake/index.ts';
import { decodedRows } from './decode/index.ts';
import { readLines } from './decode/lines.ts';
import { landErrors } from './errors.ts';

/** A faulty line is kept whole up to this; a longer one is named but not kept. */
const maxKeptBytes = 1 << 20;

export interface CountedSegment extends SealedSegment {
  /** Lines that are in the file, whatever its seal says. */
  counted: number;
  longestLine: number;
}

/** Lines of a file as bytes without their newline: `readline` would also split at a carriage return. */
async function* linesOf(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, at)]);
      rest = [];
      start = at + 1;
    }
    if (start < chunk.length) rest.push(Buffer.from(chunk.subarray(start)));
  }
}

/** DuckDB passes over lines of nothing but these. */
const isBlank = (line: Buffer): boolean =>
  line.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));

/** Places, among the lines that DuckDB sees, of those that it can't read, from 0; and how many it sees. */
async function unreadablePlaces(
  engine: Engine,
  segment: CountedSegment,
): Promise<{ places: Set<number>; seen: number }> {
  const [before] = await engine.rows<{ threads: bigint }>(`SELECT current_setting('threads') AS threads`);
  // one thread reads a file from its beginning to its end, so that row numbers are line numbers
  await engine.run('SET threads = 1; SET preserve_insertion_order = true');
  try {
    const source = readLines({ files: [segment.file], longestLine: segment.longestLine });
    await engine.run(
      `CREATE OR REPLACE TEMP TABLE landing_places AS SELECT row_number() OVER () - 1 AS place, line IS NULL AS unreadable FROM (${source})`,
    );
  } finally {
    await engine.run(`SET threads = ${before?.threads ?? 1n}; SET preserve_insertion_order = false`);
  }
  const [counted] = await engine.rows<{ seen: bigint }>('SELECT count(*) AS seen FROM landing_places');
  const rows = await engine.rows<{ place: bigint }>('SELECT place FROM landing_places WHERE unreadable');
  await engine.run('DROP TABLE landing_places');
  return { places: new Set(rows.map(({ place }) => Number(place))), seen: Number(counted?.seen ?? 0) };
}

/** What `raw/rejected` names as the source of a line of this stream. */
const sourceOf = (segment: SealedSegment): string => segment.format.replace(/\/.*$/, '');

/**
 * Makes the temporary table `landing_faults`, one row a line that can't be landed as what it should be: it goes to
 * `raw/rejected` with its bytes. A line that is JSON but lacks something is known by then; one that is none comes out of
 * DuckDB as a null, so it is looked up in its file by place, and only where the count says that there is one.
 * @returns how many there are
 * @throws FeedtrialError FT_LAND_INCOMPLETE if the lines of a segment don't add up
 */
export async function collectFaults(
  engine: Engine,
  batch: string,
  segments: CountedSegment[],
): Promise<number> {
  const decoded = decodedRows
    .map((rows) => `SELECT segment, fault, faulty_line FROM landing_${rows}`)
    .join(' UNION ALL ');
  const readable = await engine.rows<{ segment: string; n: bigint }>(
    `SELECT segment, count(*) FILTER (fault IS DISTINCT FROM 'not_json') AS n FROM (${decoded}) GROUP BY segment`,
  );
  const readableOf = new Map(readable.map(({ segment, n }) => [segment, Number(n)]));

  const listed = path.join(engine.scratch, 'faults.ndjson');
  const out = fs.createWriteStream(listed);
  for (const segment of segments) {
    const missing = segment.counted - (readableOf.get(segment.id) ?? 0);
    if (missing === 0) continue;
    const { places, seen } = await unreadablePlaces(engine, segment);
    let number = 0;
    let place = 0;
    let found = 0;
    for await (const line of linesOf(segment.file)) {
      number++;
      const blank = isBlank(line);
      if (!blank && !places.has(place++)) continue;
      found++;
      const frame = line.length <= maxKeptBytes ? line.toString('base64') : null;
      const detail = `line ${number} of a ${segment.format} segment is ${blank ? 'empty' : 'not JSON'}`;
      if (!out.write(`${JSON.stringify({ segment: segment.id, detail, frame })}\n`)) await once(out, 'drain');
    }
    if (found !== missing || place !== seen)
      throw landErrors.incomplete(batch, segment.counted, segment.counted - missing + found);
  }
  out.end();
  await once(out, 'close');

  const about = segments.map(
    (s) =>
      `(${sqlText(s.id)}, ${sqlText(s.format)}, ${sqlText(sourceOf(s))}, ${Math.round(s.sealedMs * 1000)})`,
  );
  await engine.run(`
    CREATE OR REPLACE TEMP TABLE landing_faults AS
    SELECT faulty.segment, faulty.detail, faulty.frame, about."source", about.sealed_us
    FROM (
      SELECT * FROM read_json(${sqlText(listed)}, format = 'newline_delimited', columns = {segment: 'VARCHAR', detail: 'VARCHAR', frame: 'VARCHAR'})
      UNION ALL BY NAME
      SELECT segment, 'JSON without what a line of its kind needs' AS detail,
        CASE WHEN octet_length(encode(faulty_line)) <= ${maxKeptBytes} THEN base64(encode(faulty_line)) END AS frame
      FROM (${decoded}) WHERE fault = 'malformed_line'
    ) AS faulty
    JOIN (VALUES ${about.join(', ')}) AS about (segment, format, "source", sealed_us) ON about.segment = faulty.segment`);
  fs.rmSync(listed);
  const [count] = await engine.rows<{ n: bigint }>('SELECT count(*) AS n FROM landing_faults');
  return Number(count?.n ?? 0);
}
