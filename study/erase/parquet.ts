import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { parquetOptions, sqlText, type Engine, type Lake } from '../../lake/index.ts';
import { aliasOf, exactNames, handlePattern, uriPrefix, type Subject } from './subject.ts';

interface Column {
  name: string;
  type: string;
}

const texts = new Set(['VARCHAR', 'VARCHAR[]']);
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Columns that say whose row it is. */
const owners = ['did', 'author_did', 'participant_id', 'repo', 'subject_did'];

export async function columnsOf(engine: Engine, file: string): Promise<Column[]> {
  const rows = await engine.rows<{ column_name: string; column_type: string }>(
    `DESCRIBE SELECT * FROM read_parquet(${sqlText(file)}, hive_partitioning = false)`,
  );
  return rows.map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
}

/** SQL that is true where a text names them. */
function named(subject: Subject, text: string): string {
  const exact = exactNames(subject).map((name) => `contains(${text}, ${sqlText(name)})`);
  const handles = subject.handles.map(
    (handle) =>
      `(contains(lower(${text}), ${sqlText(handle)}) AND regexp_matches(${text}, ${sqlText(handlePattern(handle))}, 'i'))`,
  );
  return `(${[...exact, ...handles].join(' OR ')})`;
}

/** SQL that is true for what came from the network, kept in base64, where it names them. */
function frameNames(subject: Subject): string {
  const names = [...exactNames(subject), ...subject.handles].map(
    (name) =>
      `contains(hex(TRY(from_base64(frame))), ${sqlText(Buffer.from(name).toString('hex').toUpperCase())})`,
  );
  return `coalesce(${names.join(' OR ')}, false)`;
}

/** SQL that is true for a row that names them anywhere. */
function rowNames(subject: Subject, columns: readonly Column[]): string {
  const conditions = columns
    .filter(({ type }) => texts.has(type))
    .map(({ name, type }) =>
      type === 'VARCHAR'
        ? `coalesce(${named(subject, quoted(name))}, false)`
        : `coalesce(${named(subject, `array_to_string(${quoted(name)}, chr(10))`)}, false)`,
    );
  if (columns.some(({ name }) => name === 'frame')) conditions.push(frameNames(subject));
  return conditions.length === 0 ? 'false' : `(${conditions.join(' OR ')})`;
}

/**
 * SQL that is true for rows that go: all that are theirs. In what was shown to or done by others (there is a
 * `participant_id`) a post of theirs is taken out of the row and the row stays, so that the others' exposure does.
 */
function isTheirs(subject: Subject, columns: readonly Column[]): string {
  const has = (name: string): boolean => columns.some((column) => column.name === name);
  const ofOthers = has('participant_id');
  const conditions: string[] = [];
  for (const name of owners) {
    if (!has(name) || (ofOthers && name === 'author_did')) continue;
    conditions.push(...exactNames(subject).map((value) => `${quoted(name)} = ${sqlText(value)}`));
  }
  for (const pseudonym of subject.pseudonyms)
    conditions.push(
      ...columns
        .filter(({ type }) => type === 'VARCHAR')
        .map(({ name }) => `${quoted(name)} = ${sqlText(pseudonym)}`),
    );
  if (has('uri') && !ofOthers)
    conditions.push(`starts_with("uri", ${sqlText(uriPrefix(subject))})`, `"uri" = ${sqlText(subject.did)}`);
  if (has('frame')) conditions.push(frameNames(subject));
  return conditions.length === 0 ? 'false' : `coalesce(${conditions.join(' OR ')}, false)`;
}

/** SQL of a text that doesn't name them any more; says the same as `scrub`. */
function scrubbed(subject: Subject, text: string): string {
  const did = subject.did.replaceAll('.', '\\.');
  const alias = aliasOf(subject);
  let sql = `regexp_replace(${text}, ${sqlText(`at://${did}/([A-Za-z0-9.]+)/[A-Za-z0-9._~:-]+`)}, ${sqlText(`at://${alias}/\\1/erased`)}, 'g')`;
  sql = `replace(${sql}, ${sqlText(subject.did)}, ${sqlText(alias)})`;
  for (const name of [subject.participantId, ...subject.pseudonyms])
    sql = `replace(${sql}, ${sqlText(name)}, ${sqlText(subject.receiptId)})`;
  // twice: what ends one match may begin the next
  for (const handle of [...subject.handles, ...subject.handles])
    sql = `regexp_replace(${sql}, ${sqlText(handlePattern(handle))}, '\\1handle.invalid\\2', 'gi')`;
  return sql;
}

function replacements(subject: Subject, columns: readonly Column[]): string[] {
  const prefix = sqlText(uriPrefix(subject));
  const hasUri = columns.some(({ name, type }) => name === 'uri' && type === 'VARCHAR');
  return columns
    .filter(({ type }) => texts.has(type))
    .map(({ name, type }) => {
      const column = quoted(name);
      if (type === 'VARCHAR[]')
        return `CASE WHEN ${column} IS NULL THEN NULL ELSE list_transform(${column}, lambda entry: ${scrubbed(subject, 'entry')}) END AS ${column}`;
      const clean = `CASE WHEN ${named(subject, column)} THEN ${scrubbed(subject, column)} ELSE ${column} END`;
      if (name === 'uri')
        return `CASE WHEN starts_with("uri", ${prefix})
            THEN ${sqlText(`at://${aliasOf(subject)}/app.bsky.feed.post/`)} || substr(sha256(${sqlText(subject.salt)} || "uri"), 1, 13)
            ELSE ${clean} END AS "uri"`;
      // the address of its content would lead back to the post
      if (name === 'cid' && hasUri)
        return `CASE WHEN starts_with("uri", ${prefix}) THEN 'erased' ELSE ${clean} END AS "cid"`;
      return `${clean} AS ${column}`;
    });
}

/** Rows of files that name them, by file. All files have the same columns. */
export async function findInParquet(
  engine: Engine,
  files: readonly string[],
  subject: Subject,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const [first] = files;
  if (first === undefined) return found;
  const columns = await columnsOf(engine, first);
  const rows = await engine.rows<{ filename: string; n: bigint }>(
    `SELECT filename, count(*) AS n
     FROM read_parquet([${files.map(sqlText).join(', ')}], union_by_name = true, hive_partitioning = false, filename = true)
     WHERE ${rowNames(subject, columns)} GROUP BY filename`,
  );
  for (const { filename, n } of rows) found.set(filename, Number(n));
  return found;
}

export interface Rewritten {
  rowsBefore: number;
  rowsAfter: number;
}

/** Takes them out of one file, which is replaced at once or not at all. Its rows keep their order. */
export async function rewriteParquet(
  lake: Lake,
  engine: Engine,
  file: string,
  subject: Subject,
): Promise<Rewritten> {
  const source = sqlText(lake.uri(file));
  const columns = await columnsOf(engine, lake.uri(file));
  const replaced = replacements(subject, columns);
  const local = path.join(engine.scratch, `${randomUUID()}.parquet`);
  const star = replaced.length === 0 ? '*' : `* REPLACE (${replaced.join(', ')})`;
  await engine.run(
    `COPY (SELECT ${star} FROM read_parquet(${source}, hive_partitioning = false)
       WHERE NOT ${isTheirs(subject, columns)}) TO ${sqlText(local)} (${parquetOptions})`,
  );
  const [before, after] = [await countOf(engine, lake.uri(file)), await countOf(engine, local)];
  await lake.adopt(local, file);
  return { rowsBefore: before, rowsAfter: after };
}

export async function countOf(engine: Engine, file: string): Promise<number> {
  const [row] = await engine.rows<{ n: bigint }>(
    `SELECT num_rows AS n FROM parquet_file_metadata(${sqlText(file)})`,
  );
  return Number(row?.n ?? 0);
}
