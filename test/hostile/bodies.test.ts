import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { startForTest } from "../e2e/support/start-for-test.ts";
import { openRaw, rawPost, rawRequest } from "./support/raw-connection.ts";

const start = (...args: readonly string[]): Promise<TestDaemon> => startForTest({ args });

const mebibyte = 2 ** 20;
const json = "content-type: application/json";

/** The most memory that a process had, in MiB. */
function peakMebibytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function complete(daemon: TestDaemon): Promise<number> {
  const response = await fetch(`${daemon.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "infernode-stories", prompt: "Once", max_tokens: 2 }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function statusOf(daemon: TestDaemon, bytes: string): Promise<string> {
  const { text } = await (await openRaw(daemon.url, bytes)).closed;
  return `${/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]} ${/"code":"(\w+)"/.exec(text)?.[1]}`;
}

const tooLarge = "413 request_too_large";

test.skipIf(process.platform !== "linux")(
  "many bodies at once take bounded memory, each gets an answer, and small requests of others go on",
  async () => {
    const daemon = await start("--body-limit", "3MiB", "--body-memory", "24MiB");
    const prompt = "a ".repeat(1.5 * mebibyte - 1000);
    const body = rawPost("/v1/completions", { model: "infernode-stories", prompt }, ["connection: close"]);
    const flood = new AbortController();
    const others = (async () => {
      const statuses = new Set<number>();
      while (!flood.signal.aborted) {
        statuses.add(await complete(daemon));
        statuses.add((await fetch(`${daemon.url}/health/live`)).status);
      }
      return [...statuses];
    })();
    const answers = await Promise.all(Array.from({ length: 80 }, () => statusOf(daemon, body)));
    flood.abort();
    expect(await others).toEqual([200]);
    const kinds = ["400 context_length_exceeded", "429 queue_full", "503 server_overloaded"];
    for (const answer of new Set(answers)) expect(kinds).toContain(answer);
    expect(answers).toContain(kinds[0]);
    // 80 bodies have 240 MiB, and several times as much when they are read: 270 MiB with the limit, 660 without.
    expect(peakMebibytes(daemon.pid)).toBeLessThan(450);

    // Senders that stop in the middle hold no memory that they have not filled, and no others up.
    const half = rawRequest("POST /v1/completions", [json, "transfer-encoding: chunked"]);
    const stuck = await Promise.all(
      Array.from({ length: 50 }, () => openRaw(daemon.url, `${half}400\r\n${" ".repeat(1024)}\r\n`)),
    );
    expect(await complete(daemon)).toBe(200);
    const large = rawPost("/tokenize", { prompt: "fox ".repeat(30_000) }, ["connection: close"]);
    expect(await statusOf(daemon, large)).not.toContain("server_overloaded");
    for (const { socket } of stuck) socket.destroy();

    // The largest body is what was configured, also above the default.
    const blanks = (count: number) =>
      rawRequest("POST /v1/completions", [json, "connection: close"], " ".repeat(count));
    expect(await statusOf(daemon, blanks(3 * mebibyte))).toBe("400 invalid_json");
    expect(await statusOf(daemon, blanks(3 * mebibyte + 1))).toBe(tooLarge);
  },
);

describe("by default", () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  test("the largest body follows from the context, and is refused before it is sent", async () => {
    const close = "connection: close";
    const announced = rawRequest("POST /v1/completions", [
      json,
      close,
      `content-length: ${2 * mebibyte + 1}`,
    ]);
    expect(await statusOf(daemon, announced)).toBe(tooLarge);
    const asked = await openRaw(daemon.url, announced.replace(close, `${close}\r\nexpect: 100-continue`));
    expect((await asked.closed).text).toMatch(/^HTTP\/1\.1 413 [^]*expected at most 2097152 bytes/);
    const chunked = rawRequest("POST /v1/completions", [json, close, "transfer-encoding: chunked"]);
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    expect(await statusOf(daemon, `${chunked}${chunk.repeat(33)}0\r\n\r\n`)).toBe(tooLarge);
    expect(await statusOf(daemon, `${chunked}${chunk.repeat(31)}0\r\n\r\n`)).toBe("400 invalid_json");
  });

  test("CONNECT, an upgrade, HTTP/2 and odd methods get an answer", async () => {
    const connect = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\nhello";
    expect(await statusOf(daemon, connect)).toBe("405 method_not_allowed");
    const upgrade = ["connection: upgrade, close", "upgrade: websocket", "sec-websocket-version: 13"];
    expect(await statusOf(daemon, rawRequest("GET /version", upgrade))).toMatch(/^200/);
    const ws = rawRequest("GET /v1/realtime", ["connection: upgrade, close", "upgrade: websocket"]);
    expect(await statusOf(daemon, ws)).toBe("404 unknown_url");
    expect(await statusOf(daemon, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toBe("400 bad_request");
    expect(await complete(daemon)).toBe(200);
  });
});
