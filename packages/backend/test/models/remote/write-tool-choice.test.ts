import { expect, test } from "vitest";
import { findDialect, type DialectName } from "../../../src/models/remote/dialect.ts";
import { writeToolChoice } from "../../../src/models/remote/write-tool-choice.ts";

const toolsJson = '[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}]';

function write(
  name: DialectName,
  { isRequired, names, maxCalls }: { isRequired: boolean; names: readonly string[]; maxCalls?: number },
): unknown {
  const tools = names.map((tool) => ({ name: tool, textParameters: [] }));
  const parts = { tools, maxCalls, enforced: { isRequired, param: "tool_choice" } };
  return writeToolChoice(parts, { dialect: findDialect(name, undefined), toolsJson });
}

const named = (name: string): object => ({ type: "function", function: { name } });
const allowed = (mode: string, ...names: readonly string[]): object => ({
  type: "allowed_tools",
  allowed_tools: { mode, tools: names.map(named) },
});

test("Infernode gets the tools that may or must be called", () => {
  expect(write("infernode", { isRequired: true, names: ["a", "b"] })).toEqual(allowed("required", "a", "b"));
  expect(write("infernode", { isRequired: true, names: ["b"], maxCalls: 1 })).toEqual(
    allowed("required", "b"),
  );
  expect(write("infernode", { isRequired: false, names: ["a"] })).toEqual(allowed("auto", "a"));
});

test("vLLM gets what it enforces, and other servers nothing", () => {
  expect(write("vllm", { isRequired: true, names: ["a", "b"] })).toBe("required");
  expect(write("vllm", { isRequired: true, names: ["b"], maxCalls: 1 })).toEqual(named("b"));
  expect(write("vllm", { isRequired: true, names: ["b"] })).toBeUndefined();
  expect(write("vllm", { isRequired: false, names: ["a", "b"] })).toBeUndefined();
  for (const name of ["openai", "llama.cpp"] as const) {
    expect(write(name, { isRequired: true, names: ["a", "b"] })).toBeUndefined();
  }
});
