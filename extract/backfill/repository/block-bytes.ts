import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Bytes that are written once from beginning to end and then read in pieces. */
export interface BlockBytes {
  readonly length: number;
  append(bytes: Buffer): void;
  /** A piece, valid until the next is read: whoever wants to keep it copies it. */
  read(offset: number, length: number): Buffer;
  /** Frees memory and file. */
  close(): void;
}

const windowBytes = 64 << 10;
const writeBytes = 1 << 20;

/**
 * Keeps a small repository in memory and a large one in a file without a name, so that many large ones at once take no
 * more memory than many small ones.
 * @param spillBytes what is longer goes to the file
 * @param folder where the file is made; nothing is left there, however the process ends
 */
export function openBlockBytes(spillBytes: number, folder = os.tmpdir()): BlockBytes {
  let memory = Buffer.allocUnsafe(64 << 10);
  let length = 0;
  let fd: number | null = null;
  let written = 0; // bytes of the file; what comes after is in memory
  let window = Buffer.alloc(0);
  let windowStart = 0;
  let windowEnd = 0;

  const write = (): void => {
    const end = length - written;
    for (let at = 0; at < end;) at += fs.writeSync(fd as number, memory, at, end - at, written + at);
    written = length;
  };

  return {
    get length() {
      return length;
    },
    append(bytes) {
      const held = length - written;
      if (held + bytes.length > memory.length) {
        const wider = Buffer.allocUnsafe(Math.max(memory.length * 2, held + bytes.length));
        memory.copy(wider, 0, 0, held);
        memory = wider;
      }
      bytes.copy(memory, held);
      length += bytes.length;
      if (fd === null && length > spillBytes) {
        const file = path.join(folder, `feedtrial-backfill-${randomUUID()}`);
        fd = fs.openSync(file, 'wx+', 0o600);
        fs.rmSync(file); // the open file lives on without a name, and ends with this process
      }
      if (fd !== null && length - written >= writeBytes) {
        write();
        if (memory.length > 2 * writeBytes) memory = Buffer.allocUnsafe(writeBytes);
      }
    },
    read(offset, size) {
      if (fd === null) return memory.subarray(offset, offset + size);
      if (written < length) write();
      if (offset < windowStart || offset + size > windowEnd) {
        // blocks that belong together mostly lie together
        const wanted = Math.min(Math.max(windowBytes, size), length - offset);
        if (wanted > window.length) window = Buffer.allocUnsafeSlow(Math.max(windowBytes, wanted));
        windowStart = windowEnd = offset;
        while (windowEnd < offset + wanted) {
          const read = fs.readSync(fd, window, windowEnd - offset, offset + wanted - windowEnd, windowEnd);
          if (read === 0) throw new Error('a temporary file became shorter while it was read');
          windowEnd += read;
        }
      }
      return window.subarray(offset - windowStart, offset - windowStart + size);
    },
    close() {
      if (fd !== null) fs.closeSync(fd);
      fd = null;
      length = written = windowStart = windowEnd = 0;
      memory = window = Buffer.alloc(0);
    },
  };
}
