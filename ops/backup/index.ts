/** Copies of what can't be made again, and putting one in place. */
export {
  backup,
  listBackups,
  type BackupManifest,
  type BackupOptions,
  type BackupSummary,
} from './backup.ts';
export { restore, type RestoreOptions, type RestoreSummary } from './restore.ts';
