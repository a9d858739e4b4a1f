import { hash } from 'node:crypto';
import { z } from 'zod';
import { erasuresPath, findFeeds, sqlText, type Engine, type Lake } from '../../lake/index.ts';
import { uriPrefix, type Subject } from './subject.ts';

const entry = z.object({
  receipt_id: z.string(),
  /** SHA-256 of the pseudonym under which the manifest knew them. */
  participant_sha256: z.string(),
  /** What the manifest said their feed's hash is; null where they had no feed in this generation. */
  feed_sha256: z.string().nullable(),
  erased_us: z.number().int(),
  /** Whose feeds held posts of theirs, and where: these lines can not be verified any more. */
  touched: z.array(z.object({ participant_id: z.string(), positions: z.array(z.number().int()) })),
});

const erasedFile = z.object({ format: z.literal('erased/1'), erased: z.array(entry) });

/** `feeds/generation=<id>/erased.json`: who was taken out of a generation, for whoever replays it. */
export type ErasedFromGeneration = z.infer<typeof erasedFile>;

/** Folders of all generations of a lake. */
export async function generationFolders(lake: Lake): Promise<string[]> {
  const folders = new Set<string>();
  for (const { path } of await lake.list('feeds')) {
    const [folder] = /^feeds\/generation=[^/]+/.exec(path) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders];
}

/** Who was taken out of a generation; nobody where there is no such file. */
export async function readErased(lake: Lake, folder: string): Promise<ErasedFromGeneration> {
  const bytes = await lake.read(`${folder}/erased.json`);
  if (bytes === null) return { format: 'erased/1', erased: [] };
  return erasedFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}

/**
 * Writes down what is about to be taken out of a generation, before anything is: afterwards it can't be known. Then takes
 * their hash out of the manifest. Doing it again changes nothing.
 * @returns whether they were in it
 */
export async function noteErasure(
  lake: Lake,
  engine: Engine,
  folder: string,
  subject: Subject,
  nowUs: number,
): Promise<boolean> {
  const known = await readErased(lake, folder);
  const manifestFile = `${folder}/manifest.json`;
  const bytes = await lake.read(manifestFile);
  const manifest =
    bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>);
  const participants = (manifest?.participants ?? {}) as Record<string, unknown>;
  const feedHash = participants[subject.participantId];
  if (!known.erased.some(({ receipt_id }) => receipt_id === subject.receiptId)) {
    const feeds = await findFeeds(lake, decodeURIComponent(folder.replace(/^feeds\/generation=/, '')));
    const rows =
      feeds !== null
        ? await engine.rows<{ participant_id: string; positions: number[] }>(
            `SELECT participant_id, list("position" ORDER BY "position") AS positions
           FROM read_parquet(${sqlText(lake.uri(feeds))}, hive_partitioning = false)
           WHERE participant_id <> ${sqlText(subject.participantId)} AND starts_with(uri, ${sqlText(uriPrefix(subject))})
           GROUP BY participant_id ORDER BY participant_id`,
          )
        : [];
    if (feedHash === undefined && rows.length === 0) return false;
    known.erased.push({
      receipt_id: subject.receiptId,
      participant_sha256: hash('sha256', subject.participantId, 'hex'),
      feed_sha256: typeof feedHash === 'string' ? feedHash : null,
      erased_us: nowUs,
      touched: rows.map(({ participant_id, positions }) => ({ participant_id, positions: [...positions] })),
    });
    await lake.write(`${folder}/erased.json`, `${JSON.stringify(erasedFile.parse(known), null, 1)}\n`);
  }
  if (manifest !== null && feedHash !== undefined) {
    const others = Object.fromEntries(
      Object.entries(participants).filter(([id]) => id !== subject.participantId),
    );
    await lake.write(manifestFile, `${JSON.stringify({ ...manifest, participants: others }, null, 2)}\n`);
  }
  return true;
}

/** Makes every feed server load again what it has in memory. */
export async function tellServers(lake: Lake, receiptId: string): Promise<void> {
  await lake.write(erasuresPath, `${JSON.stringify({ last: receiptId })}\n`);
}
