import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { openSession } from "../../../packages/backend/test/http/session/open-session.ts";
import { postJson, type JsonAnswer } from "./post-json.ts";
import { startDaemon } from "./start-daemon.ts";

/** A model that never ends an answer by itself. */
const endless = (directory: string): readonly string[] => ["--model", directory, "--model-name", "endless"];

const longAnswer = { model: "endless", input: "Once", max_output_tokens: 60_000 };

async function getResponse(url: string, path: string): Promise<JsonAnswer> {
  const answer = await fetch(`${url}/v1/responses/${path}`);
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true;
  const body = isJson ? ((await answer.json()) as JsonAnswer["body"]) : {};
  if (!isJson) await answer.body?.cancel();
  return { status: answer.status, headers: answer.headers, body };
}

/** Starts a response in the background, and waits until its first events are not held any more. */
async function untilDropped(url: string): Promise<string> {
  const { body } = await postJson(`${url}/v1/responses`, { ...longAnswer, background: true });
  const id = String(body["id"]);
  await expect
    .poll(async () => (await getResponse(url, `${id}?stream=true&starting_after=0`)).body.error?.code, {
      interval: 20,
    })
    .toBe("events_not_held");
  return id;
}

/** What a daemon does that holds little. */
async function holdLittle(directory: string) {
  await using daemon = await startDaemon({
    args: [
      ...endless(directory),
      "--max-held-responses",
      "1",
      "--held-response-memory",
      "64KiB",
      "--hold-time",
      "1",
    ],
  });
  const { url } = daemon;
  const id = await untilDropped(url);
  const heldBytes = await daemon.metric("infernode_held_response_bytes");
  const second = await postJson(`${url}/v1/responses`, { ...longAnswer, background: true });
  await postJson(`${url}/v1/responses/${id}/cancel`, {});
  await expect.poll(() => daemon.metric("infernode_held_responses", 'state="ended"')).toBe(0);
  return { heldBytes, second, afterwards: await getResponse(url, `${id}?stream=true`) };
}

/** What a daemon does whose store is small. */
async function storeLittle(directory: string) {
  const file = join(directory, "kept.db");
  await using daemon = await startDaemon({
    args: ["--store", file, "--store-limit", "200KiB", "--store-retention", "48"],
  });
  const store = async (): Promise<string> => {
    const body = {
      model: "infernode-stories",
      input: "Once",
      instructions: "a ".repeat(300),
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`${at}`, "m".repeat(512)])),
      max_output_tokens: 16,
    };
    const answer = await postJson(`${daemon.url}/v1/responses`, body);
    expect(answer).toMatchObject({ status: 200, body: { store: true } });
    return String(answer.body["id"]);
  };
  const first = await store();
  for (let count = 0; count < 40; count += 1) await store();
  return { isFile: existsSync(file), evicted: await getResponse(daemon.url, first) };
}

/** That the settings of sessions act. @param directory of a model that never ends */
export function sessionSettingCases(directory: () => string): Readonly<Record<string, () => Promise<void>>> {
  let little: ReturnType<typeof holdLittle> | undefined;
  return {
    "session.maxSessions": async () => {
      await using daemon = await startDaemon({ args: ["--max-sessions", "0"] });
      await expect(openSession(daemon.url)).rejects.toThrow("503");
    },
    "session.idleTimeoutMs": async () => {
      await using daemon = await startDaemon({ args: ["--session-idle-timeout", "300"] });
      using session = await openSession(daemon.url);
      expect((await session.closed).reason).toContain("300 ms");
    },
    "session.graceMs": async () => {
      await using daemon = await startDaemon({ args: [...endless(directory()), "--session-grace", "50"] });
      const session = await openSession(daemon.url);
      session.send({ type: "response.create", ...longAnswer });
      await session.until("response.in_progress");
      const leftAt = performance.now();
      session.webSocket.terminate();
      await daemon.waitForLog(({ msg, responseId }) => msg === "response" && responseId !== undefined);
      // The default alone is as long as that.
      expect(performance.now() - leftAt).toBeLessThan(30_000);
    },
    "session.maxResponses": async () => {
      const { second } = await (little ??= holdLittle(directory()));
      expect(second).toMatchObject({
        status: 503,
        body: { error: { message: expect.stringMatching(/\b1$/) } },
      });
    },
    "session.responseBytes": async () => {
      const { heldBytes } = await (little ??= holdLittle(directory()));
      expect(heldBytes).toBeLessThanOrEqual(65_536);
    },
    "session.memoryBytes": async () => {
      await using daemon = await startDaemon({ args: [...endless(directory()), "--held-memory", "1MiB"] });
      await untilDropped(daemon.url);
      expect(await daemon.metric("infernode_held_response_bytes")).toBeLessThan(2 * 2 ** 20);
    },
    "session.holdMs": async () => {
      const { afterwards } = await (little ??= holdLittle(directory()));
      expect(afterwards.status).toBeGreaterThanOrEqual(400);
    },
  };
}

/** That the settings of the store act. @param createDirectory for a file */
export function storeSettingCases(
  createDirectory: () => Promise<string>,
): Readonly<Record<string, () => Promise<void>>> {
  let little: ReturnType<typeof storeLittle> | undefined;
  const evictedMessage = async (): Promise<string | undefined> => {
    little ??= storeLittle(await createDirectory());
    return (await little).evicted.body.error?.message;
  };
  return {
    "store.file": async () => {
      little ??= storeLittle(await createDirectory());
      expect((await little).isFile).toBe(true);
    },
    "store.maxBytes": async () => {
      expect(await evictedMessage()).toContain("at most 204800 bytes");
    },
    "store.retentionHours": async () => {
      expect(await evictedMessage()).toContain("last 48 hours");
    },
  };
}
