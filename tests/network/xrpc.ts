/** A signed-in account of the PDS. */
export interface Session {
  did: string;
  handle: string;
  accessJwt: string;
}

/** Calls a procedure of the PDS (or, without a body, a query). @throws with the method, status and answer if refused. */
export async function xrpc<T>(
  pdsUrl: string,
  method: string,
  options: { body?: unknown; query?: Record<string, string>; accessJwt?: string } = {},
): Promise<T> {
  const url = new URL(`/xrpc/${method}`, pdsUrl);
  for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
  const response = await fetch(url, {
    method: options.query ? 'GET' : 'POST',
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.accessJwt ? { authorization: `Bearer ${options.accessJwt}` } : {}),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} was refused with ${response.status}: ${text.slice(0, 500)}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** A token for one method of another service, signed by the PDS with the account's own key. */
export async function serviceToken(
  pdsUrl: string,
  account: Session,
  audience: string,
  method: string,
): Promise<string> {
  const { token } = await xrpc<{ token: string }>(pdsUrl, 'com.atproto.server.getServiceAuth', {
    query: { aud: audience, lxm: method },
    accessJwt: account.accessJwt,
  });
  return token;
}
