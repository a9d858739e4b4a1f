import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Lake } from '../../lake/index.ts';

interface BackupManifest {
  files: { path: string; sha256: string; bytes: number }[];
}

const isManifest = /^[^/]+\/manifest\.json$/;

/**
 * Brings the manifests of backups up to the files that were rewritten in them, so that each can be restored as before: a file
 * that doesn't have its hash is refused. Doing it again changes nothing.
 * @param backups folder of `feedtrial backup`: one folder a backup
 */
export async function correctBackups(backups: Lake, rewritten: readonly string[]): Promise<void> {
  const manifests = (await backups.list('')).map((file) => file.path).filter((file) => isManifest.test(file));
  for (const file of manifests) {
    const folder = path.posix.dirname(file);
    const changed = new Set(
      rewritten.filter((name) => name.startsWith(`${folder}/`)).map((name) => name.slice(folder.length + 1)),
    );
    const text = await backups.read(file);
    if (changed.size === 0 || text === null) continue;
    const manifest = JSON.parse(Buffer.from(text).toString('utf8')) as BackupManifest;
    for (const entry of manifest.files) {
      const content = changed.has(entry.path) ? await backups.read(`${folder}/${entry.path}`) : null;
      if (content === null) continue;
      entry.sha256 = createHash('sha256').update(content).digest('hex');
      entry.bytes = content.byteLength;
    }
    await backups.write(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
}
