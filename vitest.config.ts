import { defineConfig } from 'vitest/config';

// Three rooms: unit (no process, no server), integration (real parts one by one), e2e (the whole way on one network).
const room = (name: string, timeoutMs: number, parallel: boolean) => ({
  test: {
    name,
    include: [`tests/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    pool: 'forks' as const,
    fileParallelism: parallel,
    expect: { poll: { timeout: 20_000 } }, // by default a second, which a busy machine may not have
    env: { FEEDTRIAL_LOG_LEVEL: 'warn', TZ: 'America/New_York' }, // a zone with daylight saving shows what assumes UTC
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [room('unit', 30_000, true), room('integration', 180_000, true), room('e2e', 600_000, true)],
  },
});
