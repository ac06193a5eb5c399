import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** One TCP connection with the bytes that came over it. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything that came so far. */
  readonly received: () => string;
  /** Resolves when what came contains the text; rejects when the connection ends without it. */
  readonly waitFor: (text: string) => Promise<string>;
  /** Resolves with everything when the server has closed. */
  readonly closed: () => Promise<string>;
}

export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  let text = "";
  const listeners = new Set<() => void>();
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (const listener of listeners) listener();
  });
  socket.on("error", () => undefined);
  const end = new Promise<void>((resolve) => {
    socket.once("close", () => {
      resolve();
      for (const listener of listeners) listener();
    });
  });
  return {
    socket,
    received: () => text,
    waitFor: async (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve(text);
          else if (socket.closed) reject(new Error(`closed without ${wanted}: ${text}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    closed: async () => {
      await end;
      return text;
    },
  };
}

export function postRequest(path: string, body: unknown, headers = ""): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return (
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}` +
    `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  );
}
