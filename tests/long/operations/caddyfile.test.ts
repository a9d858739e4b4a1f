import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { caddyBinary, caddyEnvironment, caddyfile, caddyMissing, hasCaddy } from '../../services/caddy.ts';

if (!hasCaddy) console.warn(`SKIPPED: checking the Caddyfile; ${caddyMissing}`);

test.skipIf(!hasCaddy)('the Caddyfile is one, as Caddy itself says', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-caddy-'));
  try {
    const checked = spawnSync(caddyBinary, ['validate', '--config', caddyfile, '--adapter', 'caddyfile'], {
      env: { ...caddyEnvironment(folder, 3021, 3020), FEEDTRIAL_SITE: 'feeds.example.org' },
      encoding: 'utf8',
    });
    expect(checked.status, checked.stderr).toBe(0);
    const formatted = spawnSync(caddyBinary, ['fmt', caddyfile], { encoding: 'utf8' });
    expect(formatted.stdout).toBe(readFileSync(caddyfile, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
