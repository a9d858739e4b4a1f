import type { Lake } from './store.ts';

const keptForMs = 24 * 3_600_000;

/** Folder of what is published under an id, such as `queue/publish=20261122T101500Z`; a pointer beside it names the one in force. */
export const publishFolder = (folder: string, publishId: string): string => `${folder}/publish=${publishId}`;

/** Removes what was published in a folder and no run can still be reading: a day old and not in force. */
export async function removeOldPublishes(
  lake: Lake,
  folder: string,
  inForce: readonly string[],
  nowMs: number,
): Promise<void> {
  const kept = inForce.map((publishId) => `${publishFolder(folder, publishId)}/`);
  for (const file of await lake.list(folder)) {
    if (!file.path.startsWith(publishFolder(folder, ''))) continue;
    if (kept.some((prefix) => file.path.startsWith(prefix)) || nowMs - file.modifiedMs <= keptForMs) continue;
    await lake.remove(file.path);
  }
}
