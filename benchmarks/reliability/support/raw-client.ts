import { connect } from "node:net";

/** A connection that sends any bytes, valid HTTP or not. */
export interface RawClient {
  write(text: string | Buffer): void;
  /** Everything received so far, as Latin-1. */
  readonly received: string;
  readonly isOpen: boolean;
  /** Stops reading: the system's buffers fill. */
  pause(): void;
  /** Reads about this many bytes a second from now on. */
  readSlowly(bytesPerSecond: number): void;
  /** Reads the rest at full speed. */
  readAll(): void;
  /** Closes at once, with a reset if data is unread. */
  destroy(): void;
  readonly closed: Promise<void>;
}

/** Connects to the loopback; rejects if the port is closed. */
export async function openRawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let received = "";
  let isOpen = true;
  let trickle: NodeJS.Timeout | undefined;
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      isOpen = false;
      clearInterval(trickle);
      resolve();
    });
  });
  const onData = (bytes: Buffer): void => {
    received += bytes.toString("latin1");
  };
  socket.on("data", onData);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  // These clients cause and receive resets.
  socket.on("error", () => undefined);
  return {
    write: (text) => {
      if (isOpen) socket.write(text);
    },
    get received() {
      return received;
    },
    get isOpen() {
      return isOpen;
    },
    pause: () => void socket.pause(),
    readSlowly: (bytesPerSecond) => {
      socket.removeAllListeners("data");
      socket.pause();
      trickle = setInterval(() => {
        const bytes = socket.read(bytesPerSecond) as Buffer | null;
        if (bytes !== null) received += bytes.toString("latin1");
      }, 1000);
      trickle.unref();
    },
    readAll: () => {
      clearInterval(trickle);
      socket.removeAllListeners("data");
      socket.on("data", onData);
      socket.resume();
    },
    destroy: () => void socket.destroy(),
    closed,
  };
}

/** The bytes of a complete request. */
export function postText(path: string, body: unknown): string {
  const json = JSON.stringify(body);
  return `${postHead(path, Buffer.byteLength(json))}${json}`;
}

export function postHead(path: string, contentLength: number): string {
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${contentLength}\r\n\r\n`;
}
