import { cpSync } from 'node:fs';
import { command } from './jobs.ts';
import type { World } from './world.ts';

/** Writes the dashboard of the day to a folder, where somebody wants to look at it. */
export async function dashboardFor(world: World, folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  const out = `${world.folder}/dashboard`;
  await command(world, 'dashboard', '--out', out);
  cpSync(out, folder, { recursive: true });
}
