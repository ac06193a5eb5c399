import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { openConnection } from "./support/open-connection.ts";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

const body = JSON.stringify({ model: "infernode-stories", prompt: "A", max_tokens: 1 });
const size = body.length;
const hex = size.toString(16);
const host = "host: localhost\r\n";
const post = `POST /v1/completions HTTP/1.1\r\n${host}content-type: application/json\r\n`;
const chunked = `${post}transfer-encoding: chunked\r\n\r\n`;

/** Sends the bytes and waits until the server closes. */
async function exchange(bytes: string): Promise<string> {
  using connection = await openConnection(daemon.url);
  connection.write(bytes);
  return await connection.closed;
}

const statuses = (answer: string): readonly string[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status = ""]) => status);

describe("a request whose end two readers could see at different places", () => {
  // What would be a second request, if the first ended where the other reader thinks it does.
  const second = `GET /health/live HTTP/1.1\r\n${host}\r\n`;
  test.each([
    [
      "both lengths",
      `${post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n${hex}\r\n${body}\r\n0\r\n\r\n`,
    ],
    ["two lengths", `${post}content-length: ${size}\r\ncontent-length: 3\r\n\r\n${body}`],
    ["the same length twice", `${post}content-length: ${size}\r\ncontent-length: ${size}\r\n\r\n${body}`],
    ["a list of lengths", `${post}content-length: ${size}, ${size}\r\n\r\n${body}`],
    ["a signed length", `${post}content-length: +${size}\r\n\r\n${body}`],
    ["a hexadecimal length", `${post}content-length: 0x${hex}\r\n\r\n${body}`],
    ["a negative length", `${post}content-length: -1\r\n\r\n${body}`],
    ["a length beyond 64 bits", `${post}content-length: 99999999999999999999999\r\n\r\n${body}`],
    ["a blank before the colon", `${post}content-length : ${size}\r\n\r\n${body}`],
    [
      "chunked, then identity",
      `${post}transfer-encoding: chunked, identity\r\n\r\n${hex}\r\n${body}\r\n0\r\n\r\n`,
    ],
    [
      "an unknown transfer coding",
      `${post}transfer-encoding: xchunked\r\n\r\n${hex}\r\n${body}\r\n0\r\n\r\n`,
    ],
    [
      "chunked twice",
      `${post}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n${hex}\r\n${body}\r\n0\r\n\r\n`,
    ],
    ["chunks that end with LF alone", `${chunked}${hex}\n${body}\n0\n\n`],
    ["a chunk size beyond 64 bits", `${chunked}fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`],
    ["a folded header", `${post}x-a: b\r\n c\r\ncontent-length: ${size}\r\n\r\n${body}`],
    ["a header with a zero byte", `${post}x-a: b\0c\r\ncontent-length: ${size}\r\n\r\n${body}`],
    ["lines that end with LF alone", `${post.replaceAll("\r\n", "\n")}content-length: ${size}\n\n${body}`],
  ])("is refused and closes the connection: %s", async (_, bytes) => {
    const answer = await exchange(bytes + second);
    expect(statuses(answer).at(-1)).toBe("400");
    expect(statuses(answer)).not.toContain("200");
  });

  test("without a length, what would be its body is not taken for another request", async () => {
    expect(statuses(await exchange(`${post}\r\n${body}${second}`))).not.toContain("200");
  });

  test("headers, trailers and chunk extensions have a bound", async () => {
    const many = "x: y\r\n".repeat(20_000);
    for (const bytes of [
      `GET /health/live HTTP/1.1\r\n${host}${many}\r\n`,
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\n${host}\r\n`,
      `${chunked}${hex}\r\n${body}\r\n0\r\n${many}\r\n`,
      `${chunked}${hex};a=${"b".repeat(100_000)}\r\n${body}\r\n0\r\n\r\n`,
    ]) {
      expect(statuses(await exchange(bytes)).join()).toMatch(/^4\d\d$/);
    }
  });
});

describe("a request that comes in odd pieces", () => {
  const text = JSON.stringify({ model: "infernode-stories", prompt: "naïve 🦊 ", max_tokens: 2 });
  const bytes = Buffer.from(text);
  const close = post.replace(host, `${host}connection: close\r\n`);

  test("byte by byte, also within a character", async () => {
    using connection = await openConnection(daemon.url);
    const whole = Buffer.concat([Buffer.from(`${close}content-length: ${bytes.length}\r\n\r\n`), bytes]);
    for (const byte of whole) {
      connection.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(statuses(await connection.closed)).toEqual(["200"]);
  });

  test("in chunks of one byte, with extensions and trailers", async () => {
    using connection = await openConnection(daemon.url);
    connection.write(`${close}transfer-encoding: chunked\r\ntrailer: x\r\n\r\n`);
    for (const byte of bytes) {
      connection.write(Buffer.concat([Buffer.from("01;a=b\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
    }
    connection.write("0\r\nx: y\r\n\r\n");
    expect(statuses(await connection.closed)).toEqual(["200"]);
  });

  test("several streams asked for at once are answered one after the other", async () => {
    const stream = JSON.stringify({ ...JSON.parse(text), max_tokens: 40, stream: true });
    const one = (head: string): Buffer =>
      Buffer.from(`${head}content-length: ${Buffer.byteLength(stream)}\r\n\r\n${stream}`);
    using connection = await openConnection(daemon.url);
    connection.write(Buffer.concat([one(post), one(post), one(close)]));
    const answer = await connection.closed;
    expect(statuses(answer)).toEqual(["200", "200", "200"]);
    const parts = answer.split("HTTP/1.1 200").slice(1);
    for (const part of parts) expect(part.match(/data: \[DONE\]/g)).toHaveLength(1);
  });
});

describe("a page or file that is not there", () => {
  test.each([
    ["/docs/static/nothing.js", 404],
    ["/docs/nothing", 404],
    ["/docs/static/..%2f..%2f..%2fpackage.json", 404],
    ["/v1/models/%zz", 400],
    ["/v1/models/__proto__", 404],
  ])("%s is %i, as JSON", async (path, status) => {
    const response = await fetch(daemon.url + path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { message: expect.any(String) } });
  });
});
