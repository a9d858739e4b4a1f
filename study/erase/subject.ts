import { hash } from 'node:crypto';

/** Someone who is to be taken out: all that may stand for them in a file, and what stands there afterwards. */
export interface Subject {
  receiptId: string;
  did: string;
  participantId: string;
  /** Every handle that they are known to have had. */
  handles: readonly string[];
  /** Pseudonyms of them in releases. */
  pseudonyms: readonly string[];
  /** Drawn for this erasure and thrown away with it: what stands for their posts afterwards leads back to none. */
  salt: string;
}

/** Stands in the place of their DID: a DID by its form, of nobody. */
export const aliasOf = ({ receiptId }: Pick<Subject, 'receiptId'>): string =>
  `did:erased:${receiptId.replace('_', '')}`;

/** A post of theirs in what was shown to others: which one can't be told, that two differ can. */
export function aliasUri(subject: Subject, uri: string): string {
  return `at://${aliasOf(subject)}/app.bsky.feed.post/${hash('sha256', subject.salt + uri, 'hex').slice(0, 13)}`;
}

export const uriPrefix = ({ did }: Pick<Subject, 'did'>): string => `at://${did}/`;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What is looked for letter by letter. */
export const exactNames = ({ did, participantId, pseudonyms }: Subject): string[] => [
  did,
  participantId,
  ...pseudonyms,
];

/** A handle as a word of its own: 'ann.example' is not in 'joann.example' nor in 'ann.example.com'. RE2 and JavaScript read it. */
export const handlePattern = (handle: string): string =>
  `(^|[^A-Za-z0-9.-])${escaped(handle)}($|[^A-Za-z0-9.-]|\\.($|[^A-Za-z0-9-]))`;

/** Whether a text names them. */
export function mentions(subject: Subject, text: string): boolean {
  if (exactNames(subject).some((name) => text.includes(name))) return true;
  if (subject.handles.length === 0) return false;
  const lower = text.toLowerCase();
  return subject.handles.some(
    (handle) => lower.includes(handle) && new RegExp(handlePattern(handle), 'i').test(text),
  );
}

/** A text that doesn't name them any more. */
export function scrub(subject: Subject, text: string): string {
  const alias = aliasOf(subject);
  let clean = text.replace(
    new RegExp(`at://${escaped(subject.did)}/app\\.bsky\\.feed\\.post/[A-Za-z0-9._~:-]+`, 'g'),
    (uri) => aliasUri(subject, uri),
  );
  clean = clean.replace(
    new RegExp(`at://${escaped(subject.did)}/([A-Za-z0-9.]+)/[A-Za-z0-9._~:-]+`, 'g'),
    `at://${alias}/$1/erased`,
  );
  clean = clean.replaceAll(subject.did, alias);
  for (const name of [subject.participantId, ...subject.pseudonyms])
    clean = clean.replaceAll(name, subject.receiptId);
  // twice: what ends one match may begin the next
  for (const handle of [...subject.handles, ...subject.handles])
    clean = clean.replace(new RegExp(handlePattern(handle), 'gi'), '$1handle.invalid$2');
  return clean;
}
