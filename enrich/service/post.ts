import http from 'node:http';
import https from 'node:https';

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** From the call to the last byte of the answer. */
  timeoutMs: number;
  /** Called when the whole request has been handed to the operating system. */
  onSent: () => void;
}

export interface PostAnswer {
  status: number;
  headers: Headers;
  content: string;
}

/** An answer of more bytes is an error: what is asked for here takes a few thousand. */
const mostBytes = 4 * 2 ** 20;

// connections are kept, and the one that was used last is used first: it is the least likely to have been closed meanwhile
const agents = {
  'http:': new http.Agent({ keepAlive: true, scheduling: 'lifo' }),
  'https:': new https.Agent({ keepAlive: true, scheduling: 'lifo' }),
};

/**
 * One POST over a kept connection, telling when it has left: `fetch` says only when the answer is there, and a pace that a
 * service counts has to be kept by when requests go out. It follows no redirect: a key is not for wherever one leads.
 * @throws Error where no whole answer came: a reset, a timeout, an answer beyond bounds
 */
export function post({ url, headers, body, timeoutMs, onSent }: PostRequest): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    const address = new URL(url);
    const secure = address.protocol === 'https:';
    const request = (secure ? https : http).request(address, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: agents[secure ? 'https:' : 'http:'],
      signal: AbortSignal.timeout(timeoutMs),
    });
    request.on('finish', onSent);
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) response.destroy(new Error(`an answer of more than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const given = new Headers();
        for (const [name, values] of Object.entries(response.headersDistinct))
          for (const value of values ?? []) given.append(name, value);
        const content = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: given, content });
      });
    });
    request.end(body);
  });
}
