import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openHmac } from '../../../serve/exposures/context.ts';
import { exposureJson, skeletonJson } from '../../../serve/feeds/json.ts';

const texts = fc.oneof(
  fc.constantFrom('at://did:plc:ann/app.bsky.feed.post/3k2', '"', '\\', '\ud800', 'é', '\u2028', ''),
  fc.string({ unit: 'binary' }),
);

it('an answer and its exposure are what JSON.stringify makes of them, whatever stands in a URI', () => {
  fc.assert(
    fc.property(
      fc.array(texts, { maxLength: 5 }),
      fc.option(texts),
      texts,
      texts,
      (uris, cursor, feedContext, reqId) => {
        expect(skeletonJson(uris, { cursor, feedContext, reqId })).toBe(
          JSON.stringify({
            ...(cursor === null ? {} : { cursor }),
            feed: uris.map((post) => ({ post, feedContext })),
            reqId,
          }),
        );
        const positions = uris.map((_, i) => i + 1);
        expect(exposureJson({ req_id: reqId, client: null }, { uris, positions })).toBe(
          JSON.stringify({ req_id: reqId, client: null, uris, positions }),
        );
      },
    ),
  );
});

it('the HMAC of an answer is the one that Node makes, for keys and texts of any length', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200, unit: 'binary' }),
      fc.array(fc.string(), { maxLength: 3 }),
      (key, all) => {
        const hmac = openHmac(key);
        for (const text of all)
          expect(hmac(text).toString('hex')).toBe(createHmac('sha256', key).update(text).digest('hex'));
      },
    ),
  );
});
