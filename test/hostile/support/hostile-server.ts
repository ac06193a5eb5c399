import { createServer, type AddressInfo, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { createRandom } from "../../../benchmarks/lib/random.ts";

/** A server that answers whatever its seed says: what a client gets is rarely HTTP, and rarely ends. */
export interface HostileServer extends AsyncDisposable {
  readonly url: string;
  /** The most bytes that one connection took. */
  largestBytes(): number;
  readonly openConnections: number;
}

type Random = () => number;
type Send = (socket: Socket, random: Random) => void;

/** An integer from 0. */
function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

const models = '{"data":[{"id":"m","owned_by":"vllm","max_model_len":64}]}';
const list = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${models.length}\r\n\r\n${models}`;
const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, "data: "));

function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)] as T;
}

function headers(random: Random, type = "text/event-stream"): string {
  const status =
    below(random, 10) > 0
      ? "200 OK"
      : pick(random, ["204 No Content", "302 Found", "429 Too Many", "500 Oops"]);
  return `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\nconnection: close\r\n\r\n`;
}

/** Values where another kind is expected. */
function oddValue(random: Random, depth = 0): unknown {
  const leaves = [null, true, -1, 1e308, 2 ** 53, "", "\u{d800}", "x".repeat(5000), "__proto__"];
  if (depth > 2 || below(random, 3) > 0) return pick(random, leaves);
  const children = Array.from({ length: below(random, 4) }, () => oddValue(random, depth + 1));
  const names = ["error", "choices", "delta", "text", "index", "logprobs", "content", "usage", "__proto__"];
  return below(random, 2) > 0
    ? children
    : Object.fromEntries(children.map((child) => [pick(random, names), child]));
}

function eventOf(random: Random): string {
  const choice: Record<string, unknown> = { index: 0, text: "a", finish_reason: null };
  if (below(random, 20) === 0) choice["finish_reason"] = pick(random, ["stop", "length", "odd"]);
  if (below(random, 4) === 0) {
    choice[pick(random, ["index", "text", "delta", "logprobs", "finish_reason"])] = oddValue(random);
  }
  const event: Record<string, unknown> = { choices: below(random, 30) === 0 ? oddValue(random) : [choice] };
  if (below(random, 4) === 0) {
    event["usage"] = below(random, 2) === 0 ? oddValue(random) : { prompt_tokens: 1, completion_tokens: 2 };
  }
  if (below(random, 40) === 0) event["error"] = oddValue(random);
  return below(random, 40) === 0 ? JSON.stringify(oddValue(random)) : JSON.stringify(event);
}

/** Writes for ever, as fast as the other side reads. */
function forever(socket: Socket, text: string | Buffer): void {
  const write = (): void => {
    while (socket.writable && socket.write(text));
    socket.once("drain", write);
  };
  write();
}

const behaviours: readonly Send[] = [
  // Nothing at all, with the connection open or not.
  () => undefined,
  (socket) => void socket.end(),
  (socket) => void socket.destroy(),
  // No HTTP.
  (socket, random) => void socket.end(Buffer.from(Array.from({ length: 200 }, () => below(random, 256)))),
  (socket) => forever(socket, "x".repeat(1000)),
  (socket) => forever(socket, "HTTP/1.1 200 OK\r\nx: y\r\n"),
  (socket, random) =>
    void socket.write(headers(random).replace("connection: close", "content-length: 99999999")),
  (socket, random) =>
    void socket.end(`${headers(random).replace("connection: close", "transfer-encoding: chunked")}zz\r\nno`),
  // Headers, then nothing, nothing more or nothing that ends.
  (socket, random) => void socket.write(headers(random)),
  (socket, random) => void socket.end(headers(random)),
  (socket, random) => forever(socket, headers(random) && `data: ${"x".repeat(4000)}`),
  (socket, random) => {
    socket.write(headers(random));
    forever(
      socket,
      pick(random, [
        "data: x",
        ": ping\n\n",
        "data: \n",
        "id: 5\n",
        "\n\n",
        "event: x\n\n",
        "\r",
        "\u{feff}",
      ]),
    );
  },
  (socket, random) => {
    socket.write(headers(random));
    forever(socket, `data: {"choices":[{"index":0,"text":"${"a".repeat(below(random, 3000))}"}]}\n\n`);
  },
  (socket, random) => {
    socket.write(headers(random));
    forever(socket, 'data: {"choices":[]}\n\n');
  },
  (socket, random) => {
    socket.write(headers(random, "application/json"));
    forever(socket, "[".repeat(1000));
  },
  // Compressed, though nobody asked for it.
  (socket, random) => {
    const type = pick(random, ["text/event-stream", "application/json"]);
    socket.write(
      headers(random, type).replace("connection: close", "content-encoding: gzip\r\nconnection: close"),
    );
    socket.end(bomb);
  },
  // A success that is none.
  (socket, random) =>
    void socket.end(headers(random, "application/json") + JSON.stringify({ error: oddValue(random) })),
  (socket, random) => void socket.end(`${headers(random, "text/html")}<html>hello</html>`),
  // Events that are almost right.
  ...Array.from({ length: 40 }, (): Send => (socket, random) => {
    const events = Array.from({ length: 1 + below(random, 12) }, () => eventOf(random));
    if (below(random, 2) === 0) {
      events.push('{"choices":[{"index":0,"text":"","finish_reason":"stop"}]}');
      events.push('{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}', "[DONE]");
    }
    const bytes = Buffer.from(headers(random) + events.map((data) => `data: ${data}\n\n`).join(""));
    if (below(random, 4) === 0) bytes[below(random, bytes.length)] = below(random, 256);
    const cut = below(random, 3) === 0 ? below(random, bytes.length) : bytes.length;
    socket.write(bytes.subarray(0, cut));
    if (below(random, 3) > 0) socket.end();
  }),
];

/**
 * Starts one. What it answers follows from the seed and the number that the client has for a key. A model list is
 * right for the most part, so that calls get further.
 */
export async function startHostileServer(seed: number): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  let largestBytes = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      largestBytes = Math.max(largestBytes, socket.bytesWritten);
    });
    socket.on("data", (bytes) => {
      const head = bytes.toString("latin1");
      const isList = head.startsWith("GET /v1/models");
      const number = Number(/^authorization: Bearer (\d+)/im.exec(head)?.[1] ?? 0);
      const random = createRandom(seed * 1_000_003 + number * 2 + Number(isList));
      if (isList && below(random, 10) > 0) socket.write(list);
      else pick(random, behaviours)(socket, random);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    largestBytes: () => Math.max(largestBytes, ...[...sockets].map(({ bytesWritten }) => bytesWritten)),
    get openConnections() {
      return sockets.size;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
