import { hash, randomBytes as nodeRandomBytes, timingSafeEqual } from 'node:crypto';
import { studyErrors } from './errors.ts';
import { getStudy } from './studies.ts';
import type { StudyStore } from './store/open.ts';

/** What a key may be used for. `read:arms` shows arms, which may unblind whoever sees them. */
export const scopes = ['enroll', 'withdraw', 'read', 'read:arms', 'preview'] as const;
export type Scope = (typeof scopes)[number];

/** A key as it may be shown: its secret is nowhere but with its holder. */
export interface ApiKey {
  keyId: string;
  study: string;
  name: string;
  scopes: Scope[];
  createdUs: number;
  revokedUs: number | null;
}

const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);
const tokenForm = /^ft_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

/**
 * Makes a key. Its token is given once, here: the store keeps a hash.
 * @throws FeedtrialError FT_STUDY_UNKNOWN, FT_STUDY_SCOPE
 */
export async function createKey(
  store: StudyStore,
  options: {
    name: string;
    scopes: readonly string[];
    study?: string;
    now?: () => number;
    randomBytes?: (size: number) => Buffer;
  },
): Promise<{ key: ApiKey; token: string }> {
  const { name, now = Date.now, randomBytes = nodeRandomBytes } = options;
  const { study } = await getStudy(store, options.study ?? store.config.study);
  const granted = options.scopes.map((scope) => {
    if (!isScope(scope)) throw studyErrors.badScope(scope, scopes);
    return scope;
  });
  if (granted.length === 0) throw studyErrors.badScope('', scopes);
  const keyId = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const createdUs = Math.round(now() * 1000);
  await store.db
    .insertInto('api_keys')
    .values({
      key_id: keyId,
      study,
      name: name.slice(0, 200),
      secret_sha256: hash('sha256', secret, 'hex'),
      scopes: JSON.stringify(granted),
      created_us: createdUs,
      revoked_us: null,
    })
    .execute();
  return {
    key: { keyId, study, name: name.slice(0, 200), scopes: granted, createdUs, revokedUs: null },
    token: `ft_${keyId}_${secret}`,
  };
}

/** Keys of a study, oldest first. @throws FeedtrialError FT_STUDY_UNKNOWN */
export async function listKeys(store: StudyStore, study = store.config.study): Promise<ApiKey[]> {
  await getStudy(store, study);
  const rows = await store.db
    .selectFrom('api_keys')
    .selectAll()
    .where('study', '=', study)
    .orderBy('created_us')
    .orderBy('key_id')
    .execute();
  return rows.map(toKey);
}

/** Ends a key, at once and for good. Harmless to repeat. @throws FeedtrialError FT_STUDY_KEY */
export async function revokeKey(
  store: StudyStore,
  {
    keyId,
    study = store.config.study,
    now = Date.now,
  }: { keyId: string; study?: string; now?: () => number },
): Promise<void> {
  const { numUpdatedRows } = await store.db
    .updateTable('api_keys')
    .set((set) => ({ revoked_us: set.fn.coalesce('revoked_us', set.val(Math.round(now() * 1000))) }))
    .where('key_id', '=', keyId)
    .where('study', '=', study)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw studyErrors.unknownKey(keyId.slice(0, 40));
}

/** The key that a token is of; null where it is none of this study, or was revoked. */
export async function findKey(store: StudyStore, token: string, study: string): Promise<ApiKey | null> {
  const [, keyId, secret] = tokenForm.exec(token) ?? [];
  if (keyId === undefined || secret === undefined) return null;
  const row = await store.db
    .selectFrom('api_keys')
    .selectAll()
    .where('key_id', '=', keyId)
    .executeTakeFirst();
  if (row === undefined || row.study !== study || row.revoked_us !== null) return null;
  const given = hash('sha256', secret, 'buffer');
  return timingSafeEqual(given, Buffer.from(row.secret_sha256, 'hex')) ? toKey(row) : null;
}

function toKey(row: {
  key_id: string;
  study: string;
  name: string;
  scopes: string;
  created_us: number;
  revoked_us: number | null;
}): ApiKey {
  return {
    keyId: row.key_id,
    study: row.study,
    name: row.name,
    scopes: (JSON.parse(row.scopes) as string[]).filter(isScope),
    createdUs: row.created_us,
    revokedUs: row.revoked_us,
  };
}
