// What goes out and what is written down of a page are most of a request's work, and both are mostly URIs: joined they take half
// the time of `JSON.stringify`. Texts that JSON would escape go the general way.

const escaped = /[^ !#-[\]-~]/;

/** The same as `JSON.stringify({...(cursor && {cursor}), feed: uris.map((post) => ({post, feedContext})), reqId})`. */
export function skeletonJson(
  uris: readonly string[],
  { cursor, feedContext, reqId }: { cursor: string | null; feedContext: string; reqId: string },
): string {
  const head = cursor === null ? '{' : `{"cursor":${JSON.stringify(cursor)},`;
  const tail = `"reqId":${JSON.stringify(reqId)}}`;
  const context = JSON.stringify(feedContext);
  if (uris.length === 0) return `${head}"feed":[],${tail}`;
  const posts = escaped.test(uris.join(''))
    ? uris.map((post) => `{"post":${JSON.stringify(post)},"feedContext":${context}}`).join(',')
    : `{"post":"${uris.join(`","feedContext":${context}},{"post":"`)}","feedContext":${context}}`;
  return `${head}"feed":[${posts}],${tail}`;
}

/** The same as `JSON.stringify({...fields, uris, positions})`. */
export function exposureJson(
  fields: object,
  { uris, positions }: { uris: readonly string[]; positions: readonly number[] },
): string {
  if (uris.length === 0 || escaped.test(uris.join(''))) return JSON.stringify({ ...fields, uris, positions });
  return `${JSON.stringify(fields).slice(0, -1)},"uris":["${uris.join('","')}"],"positions":[${positions.join(',')}]}`;
}
