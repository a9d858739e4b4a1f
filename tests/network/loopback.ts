import net from 'node:net';

/**
 * From now on every server of this process listens on 127.0.0.1, whatever address it asks for; one that asks for no
 * address would otherwise listen on all of them. Sockets of the file system are left alone.
 * @returns takes the binding back.
 */
export function listenOnLoopbackOnly(): () => void {
  const prototype = net.Server.prototype as { listen: (...args: unknown[]) => net.Server };
  const original = prototype.listen;
  prototype.listen = function (this: net.Server, ...args: unknown[]): net.Server {
    const [first] = args;
    if (typeof first === 'object' && first !== null) {
      const options = first as net.ListenOptions;
      if (options.path !== undefined || 'fd' in options || '_handle' in options || 'handle' in options)
        return original.apply(this, args);
      return original.apply(this, [{ ...options, host: '127.0.0.1' }, ...args.slice(1)]);
    }
    if (typeof first === 'string' && !/^\d+$/.test(first)) return original.apply(this, args);
    const port = typeof first === 'number' || typeof first === 'string' ? Number(first) : 0;
    const backlog = args.slice(1).find((arg) => typeof arg === 'number');
    const listener = args.find((arg) => typeof arg === 'function');
    const options: net.ListenOptions = { port, host: '127.0.0.1' };
    if (typeof backlog === 'number') options.backlog = backlog;
    return original.apply(this, listener ? [options, listener] : [options]);
  };
  return () => {
    prototype.listen = original;
  };
}
