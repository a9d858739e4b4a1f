import type { Lake } from '../../lake/index.ts';

/**
 * Where what similarity is computed from was published, by the content of `queue/current.json`; null where nothing was. A queue of a part of
 * the models stands beside the inputs of the last whole build.
 */
export function similarityPublishOf(content: Uint8Array | null): string | null {
  if (content === null) return null;
  const current = JSON.parse(Buffer.from(content).toString('utf8')) as {
    publish_id: string;
    similarity_publish_id?: string;
  };
  return current.similarity_publish_id ?? current.publish_id;
}

/** `similarityPublishOf` the pointer in force. */
export async function readSimilarityPublishId(lake: Lake): Promise<string | null> {
  return similarityPublishOf(await lake.read('queue/current.json'));
}
