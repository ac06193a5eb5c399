import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createRemoteService } from "../../packages/backend/src/models/remote/remote-service.ts";
import {
  generate,
  type GenerateEvent,
  type GenerateInput,
} from "../../packages/backend/src/operations/generate.ts";
import { describePrompt } from "../../packages/backend/src/operations/describe-prompt.ts";
import { startHostileServer } from "./support/hostile-server.ts";

const limits = {
  requestTimeoutMs: 400,
  firstByteTimeoutMs: 400,
  idleTimeoutMs: 400,
  refreshIntervalMs: 86_400_000,
  maxEventBytes: 65_536,
};
/** What a server can do to a call; anything else is a fault of the client. */
const codes: ReadonlySet<unknown> = new Set([
  "CONTEXT_LENGTH_EXCEEDED",
  "ENGINE_CRASHED",
  "ENGINE_PROTOCOL",
  "ENGINE_UNAVAILABLE",
  "INVALID_REQUEST",
  "QUEUE_FULL",
  "UNKNOWN_MODEL",
  "UNKNOWN_OPERATION",
]);
/** What the system holds of a connection on both of its sides. */
const mostBytes = 16 * 2 ** 20;

const chat = { kind: "chat", messages: [{ role: "user", content: "hi" }] } as const;
const text = { kind: "text", text: "hi" } as const;

test(
  "no server hangs a call, breaks it in another way than by a code, or is read without bounds",
  { timeout: 240_000 },
  async () => {
    const seed = Number(process.env["HOSTILE_SEED"] ?? 7);
    const runCount = Number(process.env["HOSTILE_RUNS"] ?? 120);
    await using server = await startHostileServer(seed);
    const ends = new Map<string, number>();

    const run = async (index: number): Promise<string> => {
      await using service = createRemoteService({ url: server.url, apiKey: String(index), ...limits });
      const stopping = { maxTokens: 8 };
      const input: GenerateInput = {
        id: `h-${index}`,
        prompt: index % 2 === 0 ? chat : text,
        stopping,
        n: index % 4 === 0 ? 2 : 1,
        logprobs: 2,
      };
      const events: GenerateEvent[] = [];
      try {
        if (index % 10 === 0) {
          for await (const { type } of service.call(describePrompt, text, { modelId: "m" })) return type;
        }
        for await (const event of service.call(generate, input, { modelId: "m" })) events.push(event);
        expect({ seed, index, last: events.at(-1)?.type }).toEqual({ seed, index, last: "finished" });
        return "finished";
      } catch (error) {
        const { code } = error as { readonly code?: unknown };
        expect({ seed, index, error, isKnown: codes.has(code) }).toMatchObject({ isKnown: true });
        expect(events.length).toBeLessThan(100);
        return String(code);
      }
    };
    const runAll = async (first: number): Promise<void> => {
      for (let index = first; index < runCount; index += 4) {
        const end = await run(index);
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 4 }, (_, first) => runAll(first)));
    process.stderr.write(
      `ends of ${runCount} calls, seed ${seed}: ${JSON.stringify(Object.fromEntries(ends))}\n`,
    );
    expect([...ends.values()].reduce((sum, count) => sum + count, 0)).toBe(runCount);
    // Each kind of end was reached, so that the server is not only refused at once.
    for (const code of ["finished", "ENGINE_CRASHED", "ENGINE_PROTOCOL", "ENGINE_UNAVAILABLE"]) {
      expect({ code, count: ends.get(code) ?? 0 }).not.toEqual({ code, count: 0 });
    }
    expect(server.largestBytes()).toBeLessThan(mostBytes);
  },
);

test("reads no further than its reader, and ends the connection when that leaves", async () => {
  let sentBytes = 0;
  const event = `data: {"choices":[{"index":0,"text":"${"a".repeat(900)}"}]}\n\n`;
  const closed: Promise<unknown>[] = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") {
      response.end('{"data":[{"id":"m","owned_by":"vllm","max_model_len":1000000}]}');
      return;
    }
    closed.push(once(response, "close"));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const write = (): void => {
      let hasRoom = true;
      while (hasRoom && !response.destroyed) {
        hasRoom = response.write(event);
        sentBytes += event.length;
      }
      response.once("drain", write);
    };
    write();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  await using service = createRemoteService({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const input: GenerateInput = { id: "f", prompt: chat, stopping: { maxTokens: 900_000 } };
  const call = (): AsyncIterator<GenerateEvent> => {
    const events = service.call(generate, input, { modelId: "m" });
    return events[Symbol.asyncIterator]();
  };
  const held = call();
  await held.next();
  await held.next();
  // Others read on meanwhile; the server could send to the first one as much.
  for (let count = 0; count < 3; count += 1) {
    const other = call();
    for (let read = 0; read < 2000; read += 1) await other.next();
    await other.return?.();
  }
  expect(sentBytes).toBeLessThan(4 * mostBytes);
  await held.return?.();
  await Promise.all(closed);
  expect(closed).toHaveLength(4);
  server.closeAllConnections();
  server.close();
});
