import WebSocket from 'ws';

export interface ConnectionHandlers {
  onOpen(): void;
  onMessage(data: Buffer): void;
}

export interface Connection {
  /** Resolves, never rejects, when the connection has ended; says why. */
  readonly ended: Promise<string>;
  /** Stops reading from the socket: TCP slows the sender down. */
  pause(): void;
  resume(): void;
  /** Ends it at once. */
  drop(reason: string): void;
}

export interface ConnectionOptions {
  /** With no message for this long the connection is taken for dead. */
  idleMs: number;
  handshakeMs?: number;
  /** A message over this ends the connection: no stream sends such a thing; bytes. */
  maxMessageBytes?: number;
}

/** Opens one websocket. `ws` and not Node's own: that one can't be paused, and grows without bound. */
export function connect(url: string, handlers: ConnectionHandlers, options: ConnectionOptions): Connection {
  const { idleMs, handshakeMs = 15_000, maxMessageBytes = 64 << 20 } = options;
  const socket = new WebSocket(url, {
    handshakeTimeout: handshakeMs,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    skipUTF8Validation: true, // a source that reads text checks it itself, and keeps what is wrong
    headers: { 'user-agent': 'feedtrial-capture' },
  });
  let reason: string | null = null;
  let heardMs = performance.now();
  let paused = false;
  const drop = (why: string): void => {
    reason ??= why;
    socket.terminate();
  };
  const watchdog = setInterval(
    () => {
      // a paused socket hears nothing by our own doing
      if (paused) heardMs = performance.now();
      else if (performance.now() - heardMs > idleMs) drop(`nothing was heard for ${idleMs} ms`);
    },
    Math.max(10, Math.min(1_000, idleMs / 4)),
  );
  const heard = (): void => {
    heardMs = performance.now();
  };
  socket.on('open', () => {
    heard();
    handlers.onOpen();
  });
  socket.on('message', (data) => {
    heard();
    handlers.onMessage(Array.isArray(data) ? Buffer.concat(data) : (data as Buffer));
  });
  socket.on('error', (error) => (reason ??= error.message));
  const ended = new Promise<string>((resolve) => {
    socket.on('close', (code, text) => {
      clearInterval(watchdog);
      const closing = text.length > 0 ? `${code} ${text.toString('utf8').slice(0, 200)}` : String(code);
      resolve(reason ?? `the server closed it (${closing})`);
    });
  });
  return {
    ended,
    pause() {
      paused = true;
      if (socket.readyState === WebSocket.OPEN) socket.pause();
    },
    resume() {
      paused = false;
      heard();
      if (socket.readyState === WebSocket.OPEN) socket.resume();
    },
    drop,
  };
}

/** A stream's address as a websocket URL, with a path where the given one has none. Null if it isn't an address. */
export function streamUrl(given: string, defaultPath: string): URL | null {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    return null;
  }
  const scheme = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[url.protocol];
  if (scheme === undefined) return null;
  url = new URL(given.replace(/^[a-z]+:/i, scheme));
  if (url.pathname === '/' || url.pathname === '') url.pathname = defaultPath;
  return url;
}
