import { describe, expect, test } from 'vitest';
import { describeError, FeedtrialError, systemError } from '../../../ops/errors/index.ts';

const refused = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: as Node says it`), { code, ...more });

describe('what the operating system refuses', () => {
  test.each([
    [refused('ENOSPC', { syscall: 'write' }), 'FT_DISK_FULL', "at 'write'"],
    [refused('EDQUOT', { path: '/lake/a' }), 'FT_DISK_FULL', '/lake/a'],
    [refused('EROFS', { path: '/lake/a' }), 'FT_DISK_READ_ONLY', '/lake/a'],
    [refused('EACCES', { path: '/spool' }), 'FT_FILE_DENIED', '/spool'],
    [refused('EMFILE'), 'FT_TOO_MANY_FILES', 'while writing'],
  ])('%s has a code, a place and a way out', (error, code, place) => {
    const coded = systemError(error) as FeedtrialError;
    expect(coded).toMatchObject({ code, cause: error });
    expect(coded.message).toContain(place);
    expect(coded.fix).toBeTruthy();
    expect(describeError(error)).toBe(`${code}: ${coded.message}`);
  });

  test('leaves other errors, and ours, as they are', () => {
    const ours = new FeedtrialError('FT_X', 'no', { cause: refused('ENOSPC') });
    for (const error of [refused('ENOENT'), new TypeError('x'), ours, 'text', undefined])
      expect(systemError(error)).toBe(error);
  });
});
