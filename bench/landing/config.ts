import path from 'node:path';
import { loadConfig, type Config } from '../../ops/config/index.ts';
import type { LandingSettings } from './messages.ts';

export const configOf = ({ folder, memoryLimit }: LandingSettings): Config =>
  loadConfig(
    {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
      FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
      FEEDTRIAL_MEMORY_LIMIT: memoryLimit,
    },
    folder,
  );
