import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeRepository } from '../../backfill-repositories.ts';
import { temporaryFolder } from '../../folders.ts';

it('a repository of 300 MB is checked in far less memory than it has bytes', async () => {
  const file = path.join(temporaryFolder(), 'large.car');
  // few records that are long, so that making it doesn't take the most of the time
  const made = await makeRepository(15_000, { textLength: 60_000 });
  fs.writeFileSync(file, made.car);
  expect(made.car.length).toBeGreaterThan(300e6);
  const script = path.join(import.meta.dirname, 'read-large.ts');
  const { lines, peakMb, beforeMb } = JSON.parse(
    execFileSync(process.execPath, [script, file, made.did, made.signingKey], { encoding: 'utf8' }),
  ) as { lines: number; peakMb: number; beforeMb: number };
  console.log(
    `${(made.car.length / 1e6).toFixed(0)} MB read in ${peakMb.toFixed(0)} MB, ${beforeMb.toFixed(0)} MB of them before`,
  );
  expect(lines).toBe(15_000);
  expect(peakMb - beforeMb).toBeLessThan(250);
});
