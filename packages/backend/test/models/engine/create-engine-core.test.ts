import { afterEach, expect, test, vi } from "vitest";
import { createCoreWithBuiltThreads } from "../../support/create-core-with-built-threads.ts";
import { coreOptions } from "../../support/fake-core.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("leaves it to the daemon to judge a step that takes long", async () => {
  await using model = await createTinyModel();
  const options = { ...coreOptions, modelDirectory: model.directory };
  await using core = await createCoreWithBuiltThreads(options, { events: { emit: () => undefined } });
  const leaving = new AbortController();
  const request = {
    id: "long",
    prompt: { kind: "tokens", tokenIds: [5, 6, 7] },
    stopping: { maxTokens: 200, ignoreEos: true },
  } as const;
  const replies = core.call("generate", request, leaving.signal)[Symbol.asyncIterator]();
  await replies.next();
  const hourLater = performance.now() + 3_600_000;
  vi.spyOn(performance, "now").mockReturnValue(hourLater);
  expect(core.stats().runningSequenceCount + core.stats().waitingRequestCount).toBe(1);
  expect(core.heartbeat().health).toEqual({ status: "healthy", reasons: [] });
  vi.restoreAllMocks();
  leaving.abort(new Error("enough"));
  await expect(replies.next()).rejects.toThrow("enough");
});
