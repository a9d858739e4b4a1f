import fs from 'node:fs/promises';
import path from 'node:path';

const sticky = 0o1000; // such as /tmp: a folder that everyone shares is nobody's to close

/**
 * Makes a local folder, and closes it to everyone but this user (0700), also where it was there before. A URL is left alone,
 * and so is a folder that belongs to someone else or to everyone.
 */
export async function makePrivate(folder: string): Promise<void> {
  if (!path.isAbsolute(folder)) return;
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const { mode, uid } = await fs.stat(folder);
  if ((mode & sticky) !== 0 || uid !== process.getuid?.()) return;
  await fs.chmod(folder, 0o700);
}
