import { zstdDecompressSync } from 'node:zlib';

const zstdMagic = 0xfd2fb528;
/** No event is larger than the largest frame of the firehose, as JSON; a compressed one could claim to be. */
const maxBytes = 16 << 20;

/** An event out of its zstd frame; what is none, or can't be unpacked, as it came: whoever reads it rejects it. */
export function unpack(message: Buffer, dictionary: Buffer): Buffer {
  if (message.length < 4 || message.readUInt32LE(0) !== zstdMagic) return message;
  try {
    return zstdDecompressSync(message, { dictionary, maxOutputLength: maxBytes });
  } catch {
    return message;
  }
}

const dictionaryMagic = 0xec30a437;

/** Number by which a server of version 2 knows a zstd dictionary; null for a file that isn't a dictionary with a number. */
export function dictionaryId(dictionary: Buffer): number | null {
  return dictionary.length >= 8 && dictionary.readUInt32LE(0) === dictionaryMagic
    ? dictionary.readUInt32LE(4)
    : null;
}
