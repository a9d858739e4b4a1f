import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../../ops/config/config.ts';
import { due, times } from '../../../ops/schedule/times.ts';

const deploy = path.join(projectRoot, 'ops/deploy');
const read = (file: string): string => readFileSync(path.join(deploy, file), 'utf8');
const linter = (name: string): string => path.join(projectRoot, '.services/deploy-linters/bin', name);
const hasLinters = existsSync(linter('hadolint'));
if (!hasLinters)
  console.warn("SKIPPED: hadolint and shellcheck; 'npm run setup:services -- deploy-linters' installs them");

const minutesOf = (field: string): number[] => {
  const step = /^(?:\*|0)\/(\d+)$/.exec(field)?.[1];
  if (step !== undefined) return Array.from({ length: 60 / Number(step) }, (_, n) => n * Number(step));
  return field.split(',').map(Number);
};

describe('the schedule', () => {
  test('of cron is the one that the timetable has', () => {
    const lines = [
      ...read('cron/feedtrial.cron').matchAll(
        /^(\S+) (\S+) \* \* \*\s+feedtrial\s.*ops\/schedule\/(\w+)\.ts/gm,
      ),
    ].filter(([, , , job]) => times.some((one) => one.job === job));
    expect(
      lines.map(([, minutes = '', hours = '', job]) => ({
        job,
        minutes: minutesOf(minutes),
        ...(hours === '*' ? {} : { hours: [Number(hours)] }),
      })),
    ).toEqual(expect.arrayContaining(times));
    expect(lines).toHaveLength(times.length);
  });

  test('of systemd is the same', () => {
    for (const { job, minutes, hours } of times) {
      const [, calendar = ''] = /^OnCalendar=(.+)$/m.exec(read(`systemd/feedtrial-${job}.timer`)) ?? [];
      const nightly = /^\*-\*-\* (\d\d):(\d\d):00 UTC$/.exec(calendar);
      if (hours !== undefined)
        expect([Number(nightly?.[1]), Number(nightly?.[2])], job).toEqual([...hours, ...minutes]);
      else expect(minutesOf(/^\*:(\S+)$/.exec(calendar)?.[1] ?? ''), job).toEqual(minutes);
      expect(read(`systemd/feedtrial-${job}.service`)).toContain(`ops/schedule/${job}.ts`);
      expect(existsSync(path.join(projectRoot, `ops/schedule/${job}.ts`)), job).toBe(true);
    }
  });

  test('starts a job in its minutes alone', () => {
    const at = (time: string): string[] => due(Date.parse(`2026-07-04T${time}Z`));
    expect(at('02:10:59')).toEqual(['land', 'alerts', 'backup']);
    expect(at('12:10:00')).toEqual(['land', 'alerts']);
    expect(at('12:05:00')).toEqual(['cycle', 'alerts']);
    expect(at('12:07:00')).toEqual([]);
  });
});

describe('units of systemd', () => {
  const services = globSync('systemd/*.service', { cwd: deploy });
  const analyze = spawnSync('systemd-analyze', ['--version']).status === 0;

  test.each(services)('%s is closed in', (file) => {
    const text = read(file);
    for (const line of [
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'PrivateTmp=yes',
      'CapabilityBoundingSet=',
      'SystemCallFilter=@system-service',
      'UMask=0077',
      'User=feedtrial',
    ])
      expect(text).toMatch(new RegExp(`^${line}$`, 'm'));
  });

  test.skipIf(!analyze)('are understood by systemd, and exposed little', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-units-'));
    try {
      // the program of ExecStart has to be there: this checkout's in place of /opt/feedtrial
      const files = globSync('systemd/*', { cwd: deploy }).map((file) => {
        const to = path.join(folder, path.basename(file));
        writeFileSync(to, read(file).replaceAll('/opt/feedtrial', projectRoot));
        return to;
      });
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
      expect(verified.stderr.split('\n').filter((line) => line.includes('feedtrial-'))).toEqual([]);
      for (const file of files.filter((one) => one.endsWith('.service'))) {
        const said = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
          encoding: 'utf8',
        });
        const [, level] = /Overall exposure level for \S+: ([\d.]+)/.exec(said) ?? [];
        expect(Number(level), file).toBeLessThan(2.5);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('containers', () => {
  test.skipIf(!hasLinters)('pass hadolint, and scripts shellcheck', () => {
    execFileSync(linter('hadolint'), [path.join(deploy, 'container/Dockerfile')]);
    execFileSync(linter('shellcheck'), [path.join(deploy, 'slurm/chain.sbatch')]);
  });

  test('are of the Node that the project pins, and hold neither settings nor data', () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as {
      dependencies: { node: string };
    };
    for (const file of ['container/Dockerfile', 'container/feedtrial.def'])
      for (const [, version] of read(file).matchAll(/node:([\d.]+)-/g))
        expect(version).toBe(dependencies.node);
    const ignored = readFileSync(path.join(projectRoot, '.dockerignore'), 'utf8').split('\n');
    for (const name of ['.env', '.git', 'lake-data', 'private-data', 'study-data', 'spool-data'])
      expect(ignored).toContain(name);
    expect(read('container/Dockerfile')).toMatch(/^USER 10001$/m);
  });

  test('of compose run files that are there, without a right that they do not need', () => {
    const { services } = parse(read('container/compose.yaml'), { merge: true }) as {
      services: Record<string, { command?: string[]; cap_drop?: string[]; read_only?: boolean }>;
    };
    expect(Object.keys(services)).toEqual(['serve', 'capture', 'moderation', 'schedule', 'caddy']);
    for (const [name, { command, cap_drop, read_only }] of Object.entries(services)) {
      if (name === 'caddy') continue;
      expect(existsSync((command?.[0] ?? '').replace('/opt/feedtrial', projectRoot)), name).toBe(true);
      expect({ cap_drop, read_only }).toEqual({ cap_drop: ['ALL'], read_only: true });
    }
  });
});
