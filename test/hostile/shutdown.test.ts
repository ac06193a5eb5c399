import { afterEach, describe, expect, test } from "vitest";
import { isAlive } from "../e2e/support/is-alive.ts";
import { makeEndlessModel, type EndlessModel } from "../e2e/support/make-endless-model.ts";
import { startDaemon, type TestDaemon } from "../e2e/support/start-daemon.ts";
import { openRaw, rawPost, rawRequest, type RawConnection } from "./support/raw-connection.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

async function start(...args: readonly string[]): Promise<TestDaemon> {
  const daemon = await startDaemon({ args });
  open.push(daemon);
  return daemon;
}

/** A daemon that answers without an end. */
async function startEndless(...args: readonly string[]): Promise<TestDaemon> {
  const model: EndlessModel = await makeEndlessModel(65_536);
  open.push(model);
  return start("--model", model.directory, "--max-sequences", "2", ...args);
}

const stream = (maxTokens: number) =>
  rawPost("/v1/completions", {
    model: "endless",
    prompt: "Once",
    max_tokens: maxTokens,
    ignore_eos: true,
    stream: true,
  });

const answersIn = (text: string): number => text.split("HTTP/1.1 ").length - 1;

describe("no client holds up the shutdown", () => {
  const half = (body: string, ...headers: readonly string[]): string =>
    rawRequest("POST /v1/completions", ["content-type: application/json", ...headers]) + body;

  test("whatever part of a request it has sent", async () => {
    const parts = {
      nothing: "",
      "half a request line": "POST /v1/comp",
      "half of the headers": "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-",
      "half of a body": half('{"model":', "content-length: 100"),
      "half of a large body": half(" ".repeat(100_000), "content-length: 1000000"),
      "half of a chunked body": half('5\r\n{"mod', "transfer-encoding: chunked"),
      "an expectation and no body": half("", "content-length: 100", "expect: 100-continue"),
      "an answered request and half of the next": `${rawRequest("GET /version")}GET /ver`,
    };
    const daemon = await start("--drain-timeout", "600000");
    const connections: (readonly [string, RawConnection])[] = [];
    for (const [part, bytes] of Object.entries(parts)) {
      const connection = await openRaw(daemon.url, bytes);
      if (bytes.includes("GET /version")) await connection.waitFor('"version"');
      if (bytes.includes("100-continue")) await connection.waitFor("100 Continue");
      connections.push([part, connection]);
    }
    // One that was answered on another connection has been read by then.
    await fetch(`${daemon.url}/health/live`);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    const refused: string[] = [];
    for (const [part, connection] of connections) {
      const { text } = await connection.closed;
      if (/HTTP\/1\.1 503 [^]*connection: close[^]*engine_unavailable/i.test(text)) refused.push(part);
    }
    expect(refused).toEqual(Object.keys(parts).filter((part) => part.endsWith("body")));
  });

  test("that never reads, or reads an answer without an end, which gets an error as the last event", async () => {
    const daemon = await startEndless("--drain-timeout", "500", "--write-timeout", "600000");
    const unread = await openRaw(daemon.url, stream(60_000));
    await unread.waitFor("data: ");
    unread.socket.pause();
    const connection = await openRaw(daemon.url, stream(60_000));
    await connection.waitFor("data: ");
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
    const { text, errorCode } = await connection.closed;
    expect(errorCode).toBeUndefined();
    expect(text).toMatch(/data: \{"error":\{[^\n]*engine_unavailable[^\n]*\n\n(?:\r\n0\r\n\r\n)?$/);
  });
});

describe("while it drains", () => {
  test("every request on a kept-alive connection is answered, the last one with connection: close", async () => {
    const daemon = await startEndless("--drain-timeout", "60000");
    const running = await openRaw(daemon.url, stream(60_000));
    await running.waitFor("data: ");
    const kept: RawConnection[] = [];
    for (const _ of [1, 2, 3]) kept.push(await openRaw(daemon.url, rawRequest("GET /version")));
    for (const connection of kept) expect(await connection.waitFor('"version"')).toMatch(/keep-alive/i);
    daemon.signal("SIGTERM");
    await daemon.waitForLog(({ msg }) => msg === "draining");
    const [work, health, pipelined] = kept;
    work?.socket.write(stream(1));
    health?.socket.write(rawRequest("GET /health/ready"));
    pipelined?.socket.write(rawRequest("GET /health/live") + rawRequest("GET /version"));
    expect((await work?.closed)?.text).toMatch(/HTTP\/1\.1 503 [^]*connection: close[^]*engine_unavailable/i);
    expect((await health?.closed)?.text).toMatch(/HTTP\/1\.1 503 [^]*connection: close[^]*draining/i);
    const pipelinedText = (await pipelined?.closed)?.text ?? "";
    expect(answersIn(pipelinedText)).toBe(3);
    expect(pipelinedText.match(/connection: close/gi)).toHaveLength(1);
    // A new connection is answered as well.
    const fresh = await openRaw(daemon.url, rawRequest("GET /health/live"));
    expect((await fresh.closed).text).toMatch(/HTTP\/1\.1 200 [^]*connection: close/i);
    running.socket.destroy();
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("clients that ask again and again are never cut off in a request", async () => {
    const daemon = await start();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_unused, index) => {
        const connection = await openRaw(daemon.url);
        let asked = 0;
        while (!connection.socket.closed && connection.socket.writable) {
          asked += 1;
          connection.socket.write(rawRequest("GET /version"));
          while (answersIn(connection.received()) < asked && !connection.socket.closed) {
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          if (index === 0 && asked === 20) daemon.signal("SIGTERM");
          if (/connection: close/i.test(connection.received())) break;
        }
        const { text, errorCode } = await connection.closed;
        return { unanswered: asked - answersIn(text), errorCode };
      }),
    );
    expect(outcomes).toEqual(outcomes.map(() => ({ unanswered: 0, errorCode: undefined })));
    expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe("signals", () => {
  test.each([
    ["SIGTERM", "SIGINT", 130],
    ["SIGINT", "SIGTERM", 143],
    ["SIGHUP", "SIGHUP", 129],
  ] as const)("%s drains, and %s after it ends at once with %i", async (first, second, exitCode) => {
    const daemon = await startEndless("--drain-timeout", "600000");
    const running = await openRaw(daemon.url, stream(60_000));
    await running.waitFor("data: ");
    daemon.signal(first);
    expect(await daemon.waitForLog(({ msg }) => msg === "draining")).toMatchObject({ reason: first });
    daemon.signal(second);
    expect(await daemon.exited).toEqual({ exitCode, signal: null });
    await expect.poll(() => isAlive(daemon.enginePid())).toBe(false);
  });
});

test("the request timeout cuts clients, whatever part of a request they have sent; SIGHUP ends with 0", async () => {
  const parts = [
    "",
    "GET /version HTTP/1.1\r\nhost: loc",
    `${rawRequest("POST /tokenize", ["content-type: application/json", "content-length: 9"])}{`,
    // Was answered, and sends half of a second one.
    `${rawRequest("GET /version")}GET /`,
  ];
  const daemon = await start("--request-timeout", "400");
  await Promise.all(
    parts.map(async (bytes) => {
      const connection = await openRaw(daemon.url, bytes);
      expect((await connection.closed).text).toMatch(/HTTP\/1.1 408 [^]*request_timeout/);
    }),
  );
  daemon.signal("SIGHUP");
  expect(await daemon.exited).toEqual({ exitCode: 0, signal: null });
  expect(daemon.logs.find(({ msg }) => msg === "draining")).toMatchObject({ reason: "SIGHUP" });
});
