import { createListeners, type ListenersOptions } from "./connection/listeners.ts";
import type { HostGuard } from "./connection/host-guard.ts";
import type { BodyReader } from "./body/body-reader.ts";
import type { HttpServer } from "./http-server-options.ts";

/** Sockets in addition to those that are served, for clients that are being rejected. */
const rejectedSockets = 32;

/** After the drain timeout, for the last bytes of aborted answers. */
const flushMs = 500;

/** What serves requests, and what ends with the server. */
export interface ServeSocketsOptions extends Omit<ListenersOptions, "maxSockets" | "mayContinue"> {
  readonly maxConnections: number;
  readonly bodies: BodyReader;
  readonly hostGuard: HostGuard;
  /** Sessions take no more work. [there are none] */
  readonly onDrain?: () => void;
  /** Every answer has ended. [nothing is left then] */
  readonly onClosed?: () => Promise<void>;
  /** Nothing listens any more. */
  readonly dispose: () => Promise<void>;
}

function formatUrl(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Listens for requests, and closes everything in order. */
export function serveSockets(options: ServeSocketsOptions): HttpServer {
  const { maxConnections, bodies, hostGuard, onDrain, onClosed, dispose, ...rest } = options;
  const { connections } = rest;
  const listeners = createListeners({
    ...rest,
    maxSockets: maxConnections + rejectedSockets,
    mayContinue: (request) => Number(request.headers["content-length"] ?? 0) <= bodies.limitBytes(),
  });
  let closeCall: Promise<void> | undefined;
  let deadline: NodeJS.Timeout | undefined;

  const close = async (): Promise<void> => {
    listeners.stopAccepting();
    bodies.stop();
    onDrain?.();
    await connections.close();
    await onClosed?.();
    clearTimeout(deadline);
    listeners.dispose();
    await dispose();
  };
  const closeOnce = (): Promise<void> => (closeCall ??= close());
  return {
    async listen(address) {
      const { host } = address;
      const { port, addresses } = await listeners.listen(address);
      hostGuard.setAddresses(addresses, host);
      return { host, port, url: formatUrl(host, port) };
    },
    drain({ timeoutMs }) {
      connections.drain();
      onDrain?.();
      deadline ??= setTimeout(() => connections.destroyAll(), timeoutMs + flushMs);
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}
