import { connect } from "node:net";

/** A connection that says what it is told, whether that is HTTP or not. */
export interface Connection extends Disposable {
  write(text: string | Buffer): void;
  /** Everything that came, as Latin-1. */
  readonly received: string;
  readonly isOpen: boolean;
  /** Resolves with everything once it contains the text; rejects when the connection ends without. */
  until(text: string | RegExp): Promise<string>;
  /** Resolves with everything when the other side has closed. */
  readonly closed: Promise<string>;
  /** Stops reading: the system's buffers fill. */
  pause(): void;
}

/** Opens a connection to a server of this machine. */
export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  let received = "";
  let isOpen = true;
  let wake = (): void => undefined;
  const closed = new Promise<string>((resolve) => {
    socket.on("close", () => {
      isOpen = false;
      wake();
      resolve(received);
    });
  });
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  // A reset is an end, too.
  socket.on("error", () => undefined);
  const has = (text: string | RegExp): boolean =>
    typeof text === "string" ? received.includes(text) : text.test(received);
  return {
    write: (text) => {
      if (isOpen) socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
    },
    get received() {
      return received;
    },
    get isOpen() {
      return isOpen;
    },
    until: async (text) => {
      while (!has(text)) {
        if (!isOpen) throw new Error(`the connection ended; it had sent:\n${received}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return received;
    },
    closed,
    pause: () => void socket.pause(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
