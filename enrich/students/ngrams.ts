/**
 * Hashed n-grams of a text: words 1-2 and characters 3-5 inside a word with its borders. Buckets only: the words that a
 * model has seen can't be read back from it.
 */
export interface NgramSpace {
  /** log2 of the number of buckets. */
  readonly bits: number;
  /** Numbers of words an n-gram has, from 1. */
  readonly maxWords: number;
  /** Numbers of characters, from `minCharacters` to `maxCharacters`. */
  readonly minCharacters: number;
  readonly maxCharacters: number;
}

export const starterSpace: NgramSpace = { bits: 20, maxWords: 2, minCharacters: 3, maxCharacters: 5 };

/** UTF-16 units of a text that are looked at; a post has at most 300 graphemes. */
const maxLength = 2_000;
const maxFeatures = 20_000;

// FNV-1a over UTF-16 units, 32 bits
const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const wordSeed = 0x9e3779b9;
const lengthSeed = 0x7f4a7c15;
const border = 0x20;

/** Spreads FNV's weak low bits before they become a bucket (the finaliser of MurmurHash3). */
function finalise(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const wordPattern = /[\p{L}\p{M}\p{N}']+|[^\s\p{L}\p{M}\p{N}']/gu;
const replaced = /https?:\/\/\S+|www\.\S+|@[\w.:-]+/gu;

/** Lower case, links and handles replaced by a mark each, and a letter that is repeated kept three times at most. */
export function prepareText(text: string): string {
  return text
    .slice(0, maxLength)
    .toWellFormed()
    .normalize('NFKC')
    .toLowerCase()
    .replace(replaced, (match) => (match.startsWith('@') ? '@' : '~'))
    .replace(/(.)\1{3,}/gsu, '$1$1$1');
}

export interface NgramHasher {
  readonly space: NgramSpace;
  /** Buckets of the text that was hashed last; only the first `hash()` of them count. */
  readonly buckets: Uint32Array;
  /**
   * Hashes a text's n-grams and its length, each bucket once however often it occurs.
   * @returns how many buckets there are
   */
  hash(text: string): number;
}

/** Makes a hasher. Its buffers are reused from text to text, since allocating costs more than hashing. */
export function createNgramHasher(space: NgramSpace): NgramHasher {
  const mask = 2 ** space.bits - 1;
  const { maxWords, minCharacters, maxCharacters } = space;
  const buckets = new Uint32Array(maxFeatures);
  const seenIn = new Uint32Array(2 ** space.bits); // number of the text in which a bucket was seen last
  let textNumber = 0;
  let count = 0;
  const add = (hash: number): void => {
    const bucket = finalise(hash) & mask;
    if (seenIn[bucket] === textNumber || count === maxFeatures) return;
    seenIn[bucket] = textNumber;
    buckets[count++] = bucket;
  };

  const addCharacters = (word: string): void => {
    // positions -1 and word.length are the borders
    for (let start = -1; start + minCharacters - 1 <= word.length; start++) {
      let hash = offsetBasis;
      const longest = Math.min(maxCharacters, word.length + 1 - start);
      for (let n = 1; n <= longest; n++) {
        const at = start + n - 1;
        const unit = at < 0 || at >= word.length ? border : word.charCodeAt(at);
        hash = Math.imul(hash ^ unit, prime);
        if (n >= minCharacters) add(hash);
      }
    }
  };

  return {
    space,
    buckets,
    hash(text) {
      if (++textNumber > 0xffffffff) {
        seenIn.fill(0);
        textNumber = 1;
      }
      count = 0;
      const words = prepareText(text).match(wordPattern) ?? [];
      const previous: number[] = []; // hashes of the last words, newest last
      for (const word of words) {
        let wordHash = offsetBasis;
        for (let i = 0; i < word.length; i++) wordHash = Math.imul(wordHash ^ word.charCodeAt(i), prime);
        let chain = wordHash ^ wordSeed;
        add(chain);
        for (let n = 2, back = previous.length - 1; n <= maxWords && back >= 0; n++, back--) {
          chain = Math.imul(chain, prime) ^ (previous[back] as number);
          add(chain);
        }
        previous.push(wordHash);
        if (previous.length >= maxWords) previous.shift();
        addCharacters(word);
      }
      // half an octave of length a bucket: long comments are scored differently from short ones, and the rest need not say so
      if (words.length > 0) add(lengthSeed ^ Math.round(2 * Math.log2(words.length)));
      return count;
    },
  };
}
