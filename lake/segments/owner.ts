import fs from 'node:fs';
import os from 'node:os';

/**
 * Who writes an open segment: `<id>.owner` beside `<id>.open`, there until it is sealed. A segment that a dead process
 * left can then be told from one that is being written, without a word from its writer.
 */
export const ownerSuffix = '.owner';

interface Owner {
  pid: number;
  host: string;
  /** When the process began, in the kernel's ticks: a number that another process of the same pid doesn't have. */
  began: string | null;
}

/** An owner on another host can't be asked; what it hasn't touched for this long is taken for dead. */
const foreignSilenceMs = 3_600_000;

/** Start of a process in kernel ticks; null where the system doesn't tell or there is no such process. */
function processBegan(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is the command in parentheses, which may hold spaces; the start is the 22nd
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

export function writeOwner(file: string): void {
  const owner: Owner = { pid: process.pid, host: os.hostname(), began: processBegan(process.pid) };
  fs.writeFileSync(file, JSON.stringify(owner));
}

/**
 * Whether the process that opened a segment still lives.
 * @param ownerFile its `.owner`; where that is missing or torn, the process died while it opened the segment
 * @param dataFile the segment, whose age decides where the owner can't be asked
 */
export function ownerLives(ownerFile: string, dataFile: string, nowMs: number): boolean {
  let owner: Owner;
  try {
    owner = JSON.parse(fs.readFileSync(ownerFile, 'utf8')) as Owner;
  } catch {
    return false;
  }
  if (owner.host !== os.hostname()) {
    const stat = fs.statSync(dataFile, { throwIfNoEntry: false });
    return stat !== undefined && nowMs - stat.mtimeMs < foreignSilenceMs;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return owner.began === null || owner.began === processBegan(owner.pid);
}
