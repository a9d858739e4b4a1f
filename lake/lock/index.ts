export {
  backupLock,
  describeHolder,
  lockHolder,
  takeLock,
  waitForLock,
  type Lock,
  type LockHolder,
  type LockWait,
} from './lock.ts';
