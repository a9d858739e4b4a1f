import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeServing, openServing } from '../../../lake/index.ts';
import { openAnswerContext } from '../../../serve/exposures/context.ts';
import { formatCursor, parseCursor } from '../../../serve/feeds/cursor.ts';
import { cutPage } from '../../../serve/feeds/page.ts';

describe('a cursor', () => {
  it('gives back generation, feed and offset', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/),
        fc.constantFrom('personal' as const, 'default' as const),
        fc.nat(1_000_000),
        (generation, kind, offset) => {
          const cursor = { generation, kind, offset };
          expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
        },
      ),
    );
  });

  it.each([
    '',
    ':',
    'g',
    'g:5',
    'g:personal',
    'g:Personal:5',
    'g:own:5',
    'g:default:',
    'g:default:-1',
    'g:default:1.5',
    'g:default:01',
    'g:default:1e3',
    'g:default: 1',
    ':default:5',
    '../x:default:5',
    'a/b:default:5',
    'g:default:5:6',
    'g:default:9999999',
    'g\n:default:5',
    '.:default:5',
    `${'g'.repeat(200)}:default:5`,
  ])('is refused where it is not one of ours: %j', (text) => {
    expect(() => parseCursor(text)).toThrow(
      expect.objectContaining({ status: 400, error: 'InvalidRequest' }),
    );
  });
});

describe('a page', () => {
  const uris = Array.from({ length: 200 }, (_, i) => `at://did:plc:a${i % 7}/app.bsky.feed.post/${i}`);

  it('after page gives every post that may be shown once, in order, at its own position, whatever is hidden meanwhile', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(199), { maxLength: 120 }),
        fc.integer({ min: 1, max: 100 }),
        fc.uniqueArray(fc.nat(199)),
        (order, limit, hiddenList) => {
          const hidden = new Set(hiddenList.map((i) => uris[i]));
          const index = openServing(
            encodeServing({
              generation: 'g',
              uris,
              feeds: [
                {
                  participantId: 'p',
                  arm: 'a',
                  policy: 'a',
                  policyVersion: '1',
                  positions: Uint32Array.from(order),
                },
              ],
            }),
          );
          const feed = index.feed('p');
          if (!feed) throw new Error('no feed');
          const seen: [number, string][] = [];
          for (let offset: number | null = 0; offset !== null;) {
            const page = cutPage(index, feed, offset, limit, (uri) => hidden.has(uri));
            expect(page.uris.length).toBeLessThanOrEqual(limit);
            if (page.next !== null) expect(page.uris).toHaveLength(limit);
            page.uris.forEach((uri, i) => seen.push([page.positions[i] as number, uri]));
            offset = page.next;
          }
          expect(seen).toEqual(
            order
              .map((i, at): [number, string] => [at + 1, uris[i] as string])
              .filter(([, uri]) => !hidden.has(uri)),
          );
        },
      ),
    );
  });
});

describe('the context of an answer', () => {
  const context = openAnswerContext('a key of sixteen or more');

  it('is known again for the participant that it was given to, and for nobody else', () => {
    const participant = 'p_0123456789abcdef01234567'; // as long as they are: chance spells 'p1' once in a hundred contexts
    const { reqId, feedContext } = context.issue(participant);
    expect(context.check(feedContext, participant)).toBe(reqId);
    expect(context.check(feedContext, 'p2')).toBeNull();
    expect(context.check(feedContext, null)).toBeNull();
    const anonymous = context.issue(null);
    expect(context.check(anonymous.feedContext, null)).toBe(anonymous.reqId);
    expect(feedContext).not.toContain(participant);
  });

  it('can not be forged or bent', () => {
    const { feedContext } = context.issue('p1');
    const other = openAnswerContext('another key of sixteen').issue('p1').feedContext;
    expect(context.check(other, 'p1')).toBeNull();
    fc.assert(
      fc.property(
        fc.nat(feedContext.length - 1),
        fc.constantFrom('A', 'z', '_', '.', ''),
        (at, character) => {
          const bent = feedContext.slice(0, at) + character + feedContext.slice(at + 1);
          fc.pre(bent !== feedContext);
          expect(context.check(bent, 'p1')).toBeNull();
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(context.check(text, 'p1')).toBeNull();
      }),
    );
  });
});
