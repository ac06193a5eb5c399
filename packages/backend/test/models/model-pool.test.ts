import { expect, test } from "vitest";
import { createModelPool, type PoolMember } from "../../src/models/model-pool.ts";
import type { ModelService } from "../../src/models/model-service.ts";
import { firstEvent } from "../../src/operations/operation.ts";
import { tokenize } from "../../src/operations/tokenize.ts";
import { createFakeEngine, model } from "../http/fake-engine.ts";

function memberOf(
  id: string,
  aliases: readonly string[] = [],
): PoolMember & { readonly engine: ReturnType<typeof createFakeEngine> } {
  const engine = createFakeEngine();
  engine.model = { ...model, id };
  return { id, aliases, service: engine, engine };
}

test("a call goes to the model that it names, by its id or an alias", async () => {
  const asked: string[] = [];
  const recording = ({ id, aliases, engine }: ReturnType<typeof memberOf>): PoolMember => {
    const call: ModelService["call"] = (operation, input, options) => {
      asked.push(`${id} ${options.modelId}`);
      return engine.call(operation, input, options);
    };
    return { id, aliases, service: Object.assign(Object.create(engine) as ModelService, { call }) };
  };
  const members = [memberOf("a", ["small"]), memberOf("b", ["large", "default"])].map(recording);
  const pool = createModelPool(members);
  const prompt = { kind: "text", text: "hello" } as const;
  for (const modelId of ["a", "large", "small", "default"]) {
    await firstEvent(pool.call(tokenize, prompt, { modelId }));
  }
  expect(asked).toEqual(["a a", "b b", "a a", "b b"]);
});

test("a name that no model has is refused when the first event is asked for", async () => {
  const pool = createModelPool([memberOf("a"), memberOf("b")]);
  const call = pool.call(tokenize, { kind: "text", text: "hello" }, { modelId: "c" });
  await expect(firstEvent(call)).rejects.toMatchObject({
    code: "UNKNOWN_MODEL",
    message: 'expected one of the models "a", "b", got "c"',
  });
});

test("lists every model with its aliases and its state", () => {
  const loading = memberOf("b", ["large"]);
  loading.engine.state = "starting";
  expect(createModelPool([memberOf("a"), loading]).models()).toMatchObject([
    { id: "a", aliases: [], state: "ready" },
    { id: "b", aliases: ["large"], state: "starting", reasons: [expect.any(String)] },
  ]);
});

test.each([
  [[memberOf("a"), memberOf("a")], '"a"'],
  [[memberOf("a", ["x"]), memberOf("b", ["x"])], '"x"'],
  [[memberOf("a"), memberOf("b", ["a"])], '"a"'],
])("one name for two models is refused", (members, name) => {
  expect(() => createModelPool(members)).toThrow(
    expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining(name) }),
  );
});
