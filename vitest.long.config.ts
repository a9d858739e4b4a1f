import { defineConfig } from 'vitest/config';

// What takes too long for every change: soaks, hundreds of kills, millions of rows. `npm run test:long`, before a release.
export default defineConfig({
  test: {
    name: 'long',
    include: ['tests/long/**/*.test.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    fileParallelism: false,
    passWithNoTests: false,
    env: { FEEDTRIAL_LOG_LEVEL: 'warn', TZ: 'America/New_York' },
  },
});
