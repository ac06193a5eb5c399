import { expect, test } from "vitest";
import { backendWeights, factor, routingRules } from "../../src/config/gateway-kinds.ts";
import { createValueReader } from "../../src/config/resolve/read-value.ts";
import type { SettingKind } from "../../src/config/setting-kinds.ts";

/** The value, or what is wrong with it. */
function read(kind: SettingKind, value: unknown): unknown {
  const problems: string[] = [];
  const setting = { path: "gateway.x", kind, default: undefined, flag: "x", description: "" };
  const given = {
    value,
    origin: { source: "file", name: "f" },
    where: "gateway.x in f",
    baseDirectory: "/",
  } as const;
  const result = createValueReader(problems)(setting, given);
  return problems.length === 0 ? result : problems.join("\n");
}

test("a rule has defaults, and one pattern stands for a list of one", () => {
  const rules = [
    { name: "all" },
    { name: "long", priority: 5, when: { model: "qwen*" }, backends: ["gpu-*"] },
  ];
  expect(read(routingRules(), rules)).toEqual([
    { name: "all", priority: 0, when: {} },
    { name: "long", priority: 5, when: { model: ["qwen*"] }, backends: ["gpu-*"] },
  ]);
  expect(read(routingRules(), routingRules().fromText('[{"name":"a"}]'))).toHaveLength(1);
});

test.each([
  [[{ name: "a", when: { modle: "x" } }], '[0].when: unknown key "modle"'],
  [[{ name: "a" }, { name: "b", priority: 1.5 }], "[1].priority: expected int, received number"],
  [[{ name: "a", when: { load: { min: 3, max: 2 } } }], "[0].when.load: expected min and max in this order"],
  [[{ name: "a" }, { name: "a" }], "expected a name of its own for each rule"],
  [[{ name: "a", policy: "random" }], "[0].policy: Invalid option"],
  ["no JSON", "expected at most 256 rules, each with a name of its own, got"],
])("%j is refused, and the part that is wrong is named", (value, problem) => {
  expect(read(routingRules(), value)).toContain(`gateway.x in f: ${problem}`);
});

test("weights are read from text, and are above 0", () => {
  const { fromText } = backendWeights();
  expect(read(backendWeights(), fromText("gpu-*=4, a=0.5"))).toEqual({ "gpu-*": 4, a: 0.5 });
  expect(read(backendWeights(), fromText("a=none"))).toContain("expected at most 1024 weights");
  expect(read(backendWeights(), { a: 0 })).toContain("a: Too small");
});

test("a factor is at least 1", () => {
  expect(read(factor(10), factor(10).fromText("1.25"))).toBe(1.25);
  expect(read(factor(10), 0.5)).toBe("gateway.x in f: expected a number from 1 to 10, got 0.5");
});
