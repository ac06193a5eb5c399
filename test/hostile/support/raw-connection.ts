import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** One TCP connection to the daemon, and the bytes that came over it. */
export interface RawConnection {
  readonly socket: Socket;
  readonly received: () => string;
  /** Resolves when what came contains the text; rejects when the connection closes without it. */
  readonly waitFor: (text: string) => Promise<string>;
  /** Resolves when the connection has closed, with what came and the error code that closed it. */
  readonly closed: Promise<{ readonly text: string; readonly errorCode: string | undefined }>;
}

/** Opens a connection and writes what is given. */
export async function openRaw(url: string, bytes = ""): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname.replace(/^\[|\]$/g, "") });
  await once(socket, "connect");
  let text = "";
  let errorCode: string | undefined;
  const watchers = new Set<() => void>();
  const look = (): void => {
    for (const watcher of watchers) watcher();
  };
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
    look();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => (errorCode = error.code));
  const closed = new Promise<{ text: string; errorCode: string | undefined }>((resolve) => {
    socket.once("close", () => {
      resolve({ text, errorCode });
      look();
    });
  });
  if (bytes !== "") socket.write(bytes, "latin1");
  return {
    socket,
    received: () => text,
    closed,
    waitFor: (wanted) =>
      new Promise((resolve, reject) => {
        const watcher = (): void => {
          if (text.includes(wanted)) {
            resolve(text);
          } else if (socket.closed) {
            reject(new Error(`closed (${errorCode}) without ${wanted}; came:\n${text}`));
          } else {
            return;
          }
          watchers.delete(watcher);
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}

/** A request as bytes; `host` is the daemon's own unless the headers name one. */
export function rawRequest(line: string, headers: readonly string[] = [], body = ""): string {
  const hasHost = headers.some((each) => /^host:/i.test(each));
  const all = [...(hasHost ? [] : ["host: localhost"]), ...headers];
  const length = body === "" ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  return `${[`${line} HTTP/1.1`, ...all, ...length].join("\r\n")}\r\n\r\n${body}`;
}

/** A POST of JSON as bytes. */
export function rawPost(path: string, body: unknown, headers: readonly string[] = []): string {
  return rawRequest(`POST ${path}`, ["content-type: application/json", ...headers], JSON.stringify(body));
}
