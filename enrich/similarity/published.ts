import type { Lake } from '../../lake/index.ts';

/**
 * Where what similarity is computed from was published; null where nothing was. A queue of a part of the models stands beside the inputs of the
 * last whole build.
 */
export async function readSimilarityPublishId(lake: Lake): Promise<string | null> {
  const bytes = await lake.read('queue/current.json');
  if (bytes === null) return null;
  const current = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    publish_id: string;
    similarity_publish_id?: string;
  };
  return current.similarity_publish_id ?? current.publish_id;
}
