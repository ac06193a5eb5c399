import { expect, test } from "vitest";
import { executorPreferences, executorRuntimes } from "../../../src/config/executor-names.ts";
import { chooseExecutor, executorProviders } from "../../../src/models/engine/choose-executor.ts";

test("the settings name every executor, and every runtime of each", () => {
  const runtimes = Object.fromEntries(
    executorProviders.map((provider) => [provider.name, provider.runtimes]),
  );
  expect(executorRuntimes).toEqual(runtimes);
  expect(executorPreferences).toEqual(["auto", ...Object.keys(runtimes)]);
});

test("chooses what is asked for, and says why", () => {
  for (const provider of executorProviders) {
    const { name } = provider;
    const choice = chooseExecutor(name as keyof typeof executorRuntimes);
    expect(choice).toEqual({ provider, reason: `engine.executor is ${name}` });
  }
  const chosen = chooseExecutor("auto");
  expect(chosen).toMatchObject({ provider: { name: "onnx" }, reason: expect.stringMatching(/^auto: /) });
  expect(chooseExecutor()).toEqual(chosen);
});
