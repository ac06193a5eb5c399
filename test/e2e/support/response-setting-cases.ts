import { existsSync } from "node:fs";
import { expect } from "vitest";
import { openSession } from "../../../packages/backend/test/http/session/open-session.ts";
import type { FeatureDaemon } from "./feature-daemon.ts";
import { postJson, type JsonAnswer } from "./post-json.ts";
import { startDaemon, type TestDaemon } from "./start-daemon.ts";

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

/** What a daemon does that holds little, and that has little time to end. */
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
      "--drain-timeout",
      "120",
    ],
  });
  const { url } = daemon;
  const id = await untilDropped(url);
  const heldBytes = await daemon.metric("infernode_held_response_bytes");
  const second = await postJson(`${url}/v1/responses`, { ...longAnswer, background: true });
  await postJson(`${url}/v1/responses/${id}/cancel`, {});
  await expect.poll(() => daemon.metric("infernode_held_responses", 'state="ended"')).toBe(0);
  const afterwards = await getResponse(url, `${id}?stream=true`);
  await postJson(`${url}/v1/responses`, { ...longAnswer, background: true });
  daemon.signal("SIGTERM");
  const exit = await daemon.exited;
  return { heldBytes, second, afterwards, exit, draining: daemon.logs.find(({ msg }) => msg === "draining") };
}

/** Stores more than its limit allows; returns what is answered for the first response. */
async function storeMuch({ url }: TestDaemon): Promise<JsonAnswer> {
  const store = async (): Promise<string> => {
    const body = {
      model: "infernode-stories",
      input: "Once",
      metadata: Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`${at}`, "m".repeat(512)])),
      max_output_tokens: 16,
    };
    const answer = await postJson(`${url}/v1/responses`, body);
    expect(answer).toMatchObject({ status: 200, body: { store: true } });
    return String(answer.body["id"]);
  };
  const first = await store();
  for (let count = 0; count < 32; count += 1) await store();
  return getResponse(url, first);
}

/** What cases of sessions share. */
interface SessionDaemons {
  /** Of a model that never ends. */
  readonly directory: () => string;
  /** Has no sessions. */
  readonly refusing: () => TestDaemon;
  /** Has a model that never ends, a short grace, and little memory for responses. */
  readonly busy: () => TestDaemon;
  readonly featured: () => Promise<TestDaemon>;
}

/** That the settings of sessions act, and the one before them. */
export function sessionSettingCases({
  directory,
  refusing,
  busy,
  featured,
}: SessionDaemons): Readonly<Record<string, () => Promise<void>>> {
  let little: ReturnType<typeof holdLittle> | undefined;
  return {
    "server.drainTimeoutMs": async () => {
      const { exit, draining } = await (little ??= holdLittle(directory()));
      expect(exit).toEqual({ exitCode: 0, signal: null });
      expect(draining).toMatchObject({ timeoutMs: 120 });
    },
    "session.maxSessions": async () => {
      await expect(openSession(refusing().url)).rejects.toThrow("503");
    },
    "session.idleTimeoutMs": async () => {
      using session = await openSession((await featured()).url);
      expect((await session.closed).reason).toContain("300 ms");
    },
    "session.graceMs": async () => {
      const daemon = busy();
      const session = await openSession(daemon.url);
      session.send({ type: "response.create", ...longAnswer });
      const events = await session.until("response.in_progress");
      const inProgress = events.at(-1) as unknown as { readonly response: { readonly id: string } };
      const leftAt = performance.now();
      session.webSocket.terminate();
      await daemon.waitForLog(
        ({ msg, responseId }) => msg === "response" && responseId === inProgress.response.id,
      );
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
      const daemon = busy();
      const id = await untilDropped(daemon.url);
      expect(await daemon.metric("infernode_held_response_bytes")).toBeLessThan(2 * 2 ** 20);
      await postJson(`${daemon.url}/v1/responses/${id}/cancel`, {});
    },
    "session.holdMs": async () => {
      const { afterwards } = await (little ??= holdLittle(directory()));
      expect(afterwards.status).toBeGreaterThanOrEqual(400);
    },
  };
}

/** That the settings of the store act. */
export function storeSettingCases(
  featured: () => Promise<FeatureDaemon>,
): Readonly<Record<string, () => Promise<void>>> {
  let evicted: Promise<JsonAnswer> | undefined;
  const evictedMessage = async (): Promise<string | undefined> => {
    evicted ??= storeMuch(await featured());
    return (await evicted).body.error?.message;
  };
  return {
    "store.file": async () => {
      expect(existsSync((await featured()).storeFile)).toBe(true);
    },
    "store.maxBytes": async () => {
      expect(await evictedMessage()).toContain("at most 204800 bytes");
    },
    "store.retentionHours": async () => {
      expect(await evictedMessage()).toContain("last 48 hours");
    },
  };
}
