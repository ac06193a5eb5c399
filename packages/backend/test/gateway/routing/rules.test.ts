import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RoutingRule } from "../../../src/config/routing-rule.ts";
import { compileRules, type RuleRequest } from "../../../src/gateway/routing/rules.ts";

function rule(name: string, parts: Partial<RoutingRule>): RoutingRule {
  return { name, priority: 0, when: {}, ...parts };
}

function request(parts: Partial<RuleRequest> = {}): RuleRequest {
  return { model: "qwen", headers: {}, promptCharacters: 10, keyName: undefined, load: () => 0, ...parts };
}

test.each([
  [{ model: ["qwen*", "llama"] }, { model: "qwen-3" }, { model: "gemma" }],
  [{ key: ["team-*"] }, { keyName: "team-a" }, { keyName: undefined }],
  [{ headers: { "X-Tier": "gold" } }, { headers: { "x-tier": "gold" } }, { headers: { "x-tier": "tin" } }],
  [{ promptCharacters: { min: 5, max: 9 } }, { promptCharacters: 9 }, { promptCharacters: 10 }],
  [{ load: { min: 4 } }, { load: () => 4 }, { load: () => 3.9 }],
])("a rule with the conditions %j holds where they do", (when, fitting, other) => {
  const find = compileRules([rule("r", { when })]);
  expect(find(request(fitting))?.rule).toBe("r");
  expect(find(request(other))).toBeUndefined();
});

test("every condition of a rule must hold", () => {
  const find = compileRules([rule("r", { when: { model: ["a"], headers: { x: "1", y: "*" } } })]);
  expect(find(request({ model: "a", headers: { x: "1" } }))).toBeUndefined();
  expect(find(request({ model: "a", headers: { x: "1", y: "" } }))?.rule).toBe("r");
});

test("the rule with the highest priority decides, and of equal ones the first", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ priority: fc.integer({ min: -3, max: 3 }), holds: fc.boolean() })),
      (list) => {
        const rules = list.map(({ priority, holds }, index) =>
          rule(String(index), { priority, when: { model: [holds ? "*" : "other"] } }),
        );
        const held = list.flatMap(({ priority, holds }, index) => (holds ? [{ priority, index }] : []));
        const best = Math.max(...held.map(({ priority }) => priority));
        const expected = held.find(({ priority }) => priority === best)?.index;
        expect(compileRules(rules)(request())?.rule).toBe(
          expected === undefined ? undefined : String(expected),
        );
      },
    ),
  );
});

test("looks at the load only where a rule needs it", () => {
  const find = compileRules([rule("r", { when: { model: ["other"], load: { min: 1 } } })]);
  const load = (): number => {
    throw new Error("expected no look at the load");
  };
  expect(find(request({ load }))).toBeUndefined();
});

test("accepts the backends that it names", () => {
  const decision = compileRules([rule("r", { backends: ["gpu-*", "spare"] })])(request());
  expect(["gpu-1", "spare", "cpu-1"].map((id) => decision?.acceptsBackend(id))).toEqual([true, true, false]);
});
