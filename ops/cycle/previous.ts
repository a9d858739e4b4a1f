import { generationFolder } from '../../lake/feeds/index.ts';
import type { Lake } from '../../lake/index.ts';

/** The generations that were published last, the latest first; at most five. */
export async function latestPublished(lake: Lake): Promise<string[]> {
  return (await lake.list('feeds'))
    .filter(({ path: file }) => file.endsWith('/published.json'))
    .sort((a, b) => b.modifiedMs - a.modifiedMs)
    .slice(0, 5)
    .map(({ path: file }) => decodeURIComponent(/generation=([^/]+)/.exec(file)?.[1] ?? ''));
}

/** The generation that was published last by a moment (microseconds UTC), whatever is in force now; null where there was none. */
export async function lastPublishedBy(lake: Lake, momentUs: number): Promise<string | null> {
  let last: { generation: string; publishedUs: number } | null = null;
  for (const { path } of await lake.list('feeds')) {
    const [, name] = /^feeds\/generation=([^/]+)\/published\.json$/.exec(path) ?? [];
    if (name === undefined) continue;
    const generation = decodeURIComponent(name);
    const content = await lake.read(`${generationFolder(generation)}/published.json`);
    if (content === null) continue;
    const { published_us: publishedUs } = JSON.parse(Buffer.from(content).toString('utf8')) as {
      published_us: number;
    };
    if (publishedUs <= momentUs && (last === null || publishedUs > last.publishedUs))
      last = { generation, publishedUs };
  }
  return last?.generation ?? null;
}
