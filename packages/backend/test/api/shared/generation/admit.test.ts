import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { GenerateInput } from "../../../../src/operations/generate.ts";
import { BackendError } from "../../../../src/errors.ts";
import { admit } from "../../../../src/api/shared/generation/admit.ts";
import { createFakeEngine, createGate, modelId, type FakeEngine } from "../../../http/fake-engine.ts";

function request(text: string, maxTokens = 4): { request: GenerateInput; isMaxTokensDefault: boolean } {
  return {
    request: { id: text, prompt: { kind: "text", text }, stopping: { maxTokens, ignoreEos: true } },
    isMaxTokensDefault: false,
  };
}

const never = until(new AbortController().signal);

function until(signal: AbortSignal): { readonly modelId: string; readonly signal: AbortSignal } {
  return { modelId, signal };
}

/** All have ended, and none because its answer was written to the end. */
async function expectStopped(engine: FakeEngine, runCount: number): Promise<void> {
  expect(engine.runs).toHaveLength(runCount);
  const ends = await Promise.all(engine.runs.map(async ({ stopped }) => stopped));
  expect(ends).not.toContain("finished");
}

test("tells the prompts' tokens and yields the replies of all requests", async () => {
  const engine = createFakeEngine();
  const admission = await admit(engine, [request("12345678"), request("1234")], never);
  expect(admission.promptTokenCount).toBe(3);
  const seen: string[] = [];
  for await (const reply of admission.replies) seen.push(`${reply.requestIndex} ${reply.event.type}`);
  expect(seen.filter((each) => each === "0 delta")).toHaveLength(4);
  expect(seen.filter((each) => each === "1 delta")).toHaveLength(4);
  expect(seen.filter((each) => each.endsWith("finished"))).toHaveLength(2);
  expect(await Promise.all(engine.runs.map(async ({ stopped }) => stopped))).toEqual([
    "finished",
    "finished",
  ]);
});

test("takes all requests or none", async () => {
  const engine = createFakeEngine();
  const long = request("x".repeat(2000));
  await expect(admit(engine, [request("a"), long, request("b")], never)).rejects.toMatchObject({
    code: "CONTEXT_LENGTH_EXCEEDED",
  });
  await expectStopped(engine, 3);
});

test("stops the engine when the reader leaves, with one request and with several", async () => {
  for (const texts of [["a"], ["a", "b", "c"]]) {
    const engine = createFakeEngine();
    const { replies } = await admit(
      engine,
      texts.map((text) => request(text, 100)),
      never,
    );
    for await (const reply of replies) if (reply.event.type === "delta") break;
    await expectStopped(engine, texts.length);
  }
});

test("rejects with the signal's reason, before and after admission", async () => {
  const reason = new Error("enough");
  const engine = createFakeEngine();
  await expect(admit(engine, [request("a")], until(AbortSignal.abort(reason)))).rejects.toBe(reason);
  expect(engine.runs).toHaveLength(0);

  engine.admissionGate = createGate();
  const waiting = new AbortController();
  const admission = admit(engine, [request("a"), request("b")], until(waiting.signal));
  waiting.abort(reason);
  await expect(admission).rejects.toBe(reason);

  engine.admissionGate = undefined;
  const running = new AbortController();
  const { replies } = await admit(engine, [request("a", 100), request("b", 100)], until(running.signal));
  const read = async (): Promise<void> => {
    for await (const reply of replies) if (reply.event.type === "delta") running.abort(reason);
  };
  await expect(read()).rejects.toBe(reason);
});

test("a failure of one request ends the replies and stops the others", async () => {
  const engine = createFakeEngine();
  engine.failAfter = { deltaCount: 3, error: new BackendError("ENGINE_CRASHED", "gone") };
  const { replies } = await admit(engine, [request("a", 100), request("b", 100)], never);
  const read = async (): Promise<void> => {
    for await (const reply of replies) expect(reply.event.type).toBe("delta");
  };
  await expect(read()).rejects.toMatchObject({ code: "ENGINE_CRASHED" });
  await expectStopped(engine, 2);
});

test("as many requests as one may ask for are no leak of listeners", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  const engine = createFakeEngine();
  const requests = Array.from({ length: 128 }, (_, index) => request(`prompt ${index}`, 1));
  const admission = await admit(engine, requests, never);
  let count = 0;
  for await (const reply of admission.replies) if (reply.event.type === "finished") count += 1;
  expect(count).toBe(128);
  await nextTurn();
  process.off("warning", note);
  expect(warnings).toEqual([]);
});
