import fs from 'node:fs/promises';
import path from 'node:path';
import { readDashboard, type ReadDashboardOptions } from './data.ts';
import { dashboardPage } from './page.ts';

export interface DashboardFile {
  file: string;
  observedUs: number;
  bytes: number;
}

/** Writes the page whole or not at all: a web server may be reading it. */
export async function writeDashboard(
  options: ReadDashboardOptions & { out: string },
): Promise<DashboardFile> {
  const data = await readDashboard(options);
  const page = dashboardPage(data);
  const folder = path.resolve(options.out);
  await fs.mkdir(folder, { recursive: true });
  const file = path.join(folder, 'index.html');
  const pending = `${file}.${process.pid}.tmp`;
  await fs.writeFile(pending, page);
  await fs.rename(pending, file);
  return { file, observedUs: data.observedUs, bytes: Buffer.byteLength(page) };
}
