import { sqlText } from '../../../lake/index.ts';

export interface SegmentFiles {
  files: string[];
  /** Bytes of the longest line of all. */
  longestLine: number;
}

/** DuckDB's own limit of a JSON line; it keeps buffers of this size, so it is raised only where a line needs it. */
const usualLine = 16 << 20;

/**
 * Rows `(segment, line)` of segments: the bytes of each line as they are. A line that is no JSON at all comes as null,
 * and lines without content don't come: `findUnreadable` looks for both where the count says that there are some.
 */
export function readLines({ files, longestLine }: SegmentFiles): string {
  if (files.length === 0) return 'SELECT NULL::VARCHAR AS segment, NULL::JSON AS line WHERE false';
  const size = Math.max(usualLine, longestLine + 1024);
  return `
    SELECT parse_filename(filename, true) AS segment, json AS line
    FROM read_ndjson_objects([${files.map(sqlText).join(', ')}], ignore_errors = true, filename = true, maximum_object_size = ${size})`;
}

/** A JSON object as the structure argument of json_transform. */
export const structure = (fields: object): string => sqlText(JSON.stringify(fields));

/**
 * Macros that the decoders share.
 *
 *   witness(event_us, ingested_at)   when it happened: the source's word, unless that lies in the future by more than a
 *                                    clock may be wrong, or before there was a network; then when it was taken in
 *   plausible(us)                    whether a moment of our own clock can be one
 *   json_after(line, key, tail)      text of the value of a key: from the first `,"key":` of the line up to `tail`
 *                                    characters before its end
 */
export const decodeMacros = [
  `witness(us, ingested) AS CASE WHEN us > ingested + 60000000 OR us < 1640995200000000 THEN ingested ELSE us END`,
  `plausible(us) AS us BETWEEN 1577836800000000 AND 7258118400000000`,
  // Inside a JSON string a quote has a backslash before it, so `,"key":` can only be a key. It is the right one where
  // only plain values come before it; whoever calls this checks that what came out is JSON.
  `json_after(line, marker, tail) AS substr(line, instr(line, marker) + length(marker))[:-(tail + 1)]`,
].map((macro) => `CREATE OR REPLACE TEMP MACRO ${macro}`);
