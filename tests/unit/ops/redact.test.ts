import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretName, redact } from '../../../ops/telemetry/redact.ts';

describe('what is written has no secrets in it', () => {
  test.each([
    ['Authorization: Bearer abc.def-ghi_jkl', 'abc.def-ghi_jkl'],
    ['token eyJhbGciOiJFUzI1NksifQ.eyJpc3MiOiJ4In0.c2ln here', 'eyJhbGciOiJFUzI1NksifQ'],
    ['key sk-abcdefghijklmnopqrstu', 'sk-abcdefghijklmnopqrstu'],
    ['AIzaSyA1234567890123456789012345678901', 'AIzaSyA'],
    ['postgres://me:hunter2@host/db', 'hunter2'],
    ['https://host/path?x=1&key=abcdef&y=2', 'abcdef'],
  ])('%s', (text, secret) => {
    const safe = redact(text, {});
    expect(safe).not.toContain(secret);
    expect(safe).toContain('[redacted]');
  });

  test('a value that the environment holds under a secret name, wherever it stands', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!`${before} [redacted] ${after}`.includes(secret));
        const safe = redact(`${before} ${secret} ${after}`, { FEEDTRIAL_FEED_CONTEXT_KEY: secret });
        expect(safe).not.toContain(secret);
      }),
    );
  });

  test('what is no secret stays as it is', () => {
    const text = 'did:plc:abc wrote at://did:plc:abc/app.bsky.feed.post/3kxyz at https://host/xrpc/a.b?uri=x';
    expect(redact(text, { HOME: '/home/somebody', SHELL: '/bin/bash' })).toBe(text);
  });

  test('names of secrets are known, names that only sound like one are not', () => {
    for (const name of ['authorization', 'OPENAI_API_KEY', 'AWS_SECRET_ACCESS_KEY', 'token', 'DB_PASSWORD'])
      expect(isSecretName(name)).toBe(true);
    for (const name of ['tokens_in', 'rkey', 'uri', 'stage']) expect(isSecretName(name)).toBe(false);
  });
});
