import assert from "node:assert/strict";
import { firstEvent } from "../operations/operation.ts";
import type { GenerateEvent } from "../operations/generate.ts";
import type { Prompt } from "../operations/prompt.ts";
import { tokenize } from "../operations/tokenize.ts";
import { hello, rejectsWith, requestOf, type CaseBody, type CaseContext } from "./case-context.ts";

/** What every service must do for calls of any operation. */
export const callCases: Readonly<Record<string, CaseBody<CaseContext>>> = {
  "lists its model with its state, and has no other": async ({ service, modelId }) => {
    const [status] = service.models();
    assert.equal(status?.id, modelId);
    assert.equal(status.state, "ready");
    assert.deepEqual(status.reasons, []);
    const another = service.call(tokenize, hello, { modelId: "another" });
    const error = await rejectsWith("UNKNOWN_MODEL", firstEvent(another));
    assert.equal(error.name, "BackendError");
    assert.match(error.message, /another/);
  },

  "rejects an unknown operation": async ({ service, modelId }) => {
    const whisper = { ...tokenize, name: "whisper" };
    const error = await rejectsWith(
      "UNKNOWN_OPERATION",
      firstEvent(service.call(whisper, hello, { modelId })),
    );
    assert.equal(error.name, "EngineRequestError");
    assert.match(error.message, /whisper/);
  },

  "rejects a prompt that is too long, with the length of the context": async ({ collect, contextTokens }) => {
    const long: Prompt = { kind: "tokens", tokenIds: Array.from({ length: contextTokens + 44 }, () => 5) };
    const error = await rejectsWith("CONTEXT_LENGTH_EXCEEDED", collect(requestOf(long, 1)));
    assert.equal(error.name, "EngineRequestError");
    assert.equal((error.data as { contextTokens?: number }).contextTokens, contextTokens);
  },

  "rejects a parameter that is out of range, by its name": async ({ collect }) => {
    const wrong = requestOf(hello, 5, { sampling: { topP: 7 } });
    const error = await rejectsWith("INVALID_REQUEST", collect(wrong));
    assert.equal(error.name, "EngineRequestError");
    assert.equal(error.param, "sampling.topP");
  },

  "rejects with the reason when the signal is aborted, and stops the work": async ({
    generate,
    untilIdle,
  }) => {
    const controller = new AbortController();
    const reason = new Error("the client left");
    const call = async (): Promise<void> => {
      for await (const event of generate(requestOf(hello, 200), controller.signal)) {
        if (event.type === "delta") controller.abort(reason);
      }
    };
    await assert.rejects(call, (error) => error === reason);
    await untilIdle();
  },

  "does nothing if the signal is already aborted": async ({ generate }) => {
    const reason = new Error("too late");
    const events = generate(requestOf(hello, 5), AbortSignal.abort(reason));
    await assert.rejects(events[Symbol.asyncIterator]().next(), (error) => error === reason);
  },

  "stops the work when the reader leaves the loop": async ({ generate, untilIdle }) => {
    for await (const event of generate(requestOf(hello, 200))) if (event.type === "delta") break;
    await untilIdle();
  },
};

/** What every service must do when it is drained and disposed. */
export const endingCases: Readonly<Record<string, CaseBody<CaseContext>>> = {
  "finishes running calls while draining, and rejects new ones": async ({ service, generate, collect }) => {
    const events: GenerateEvent[] = [];
    let drained: Promise<void> | undefined;
    const stateOf = (): string | undefined => service.models()[0]?.state;
    for await (const event of generate(requestOf(hello, 30))) {
      events.push(event);
      if (event.type !== "delta" || drained !== undefined) continue;
      drained = service.drain({ timeoutMs: 30_000 });
      assert.equal(stateOf(), "draining");
      await rejectsWith("ENGINE_UNAVAILABLE", collect(requestOf(hello, 1)));
    }
    await drained;
    const last = events.at(-1);
    assert.ok(last?.type === "finished" && last.usage.completionTokens === 30);
    await service.dispose();
    assert.equal(stateOf(), "stopped");
    await rejectsWith("ENGINE_UNAVAILABLE", collect(requestOf(hello, 1)));
  },

  "fails running calls when it is disposed": async ({ service, generate }) => {
    const call = async (): Promise<void> => {
      for await (const event of generate(requestOf(hello, 200))) {
        if (event.type === "delta") void service.dispose();
      }
    };
    await rejectsWith(/^ENGINE_(?:UNAVAILABLE|DISPOSED)$/, call());
    await service.dispose();
  },
};
