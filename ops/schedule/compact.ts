// Folds ended days into one file each, then takes out what was deleted and is due. Every night.
import { periodic } from './job.ts';

await periodic('compact', async ({ feedtrial }) => {
  const compacted = await feedtrial`land --compact`;
  const redacted = await feedtrial`land --redact`;
  return compacted === 0 ? redacted : compacted;
});
