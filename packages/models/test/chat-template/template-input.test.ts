import { describe, expect, it } from "vitest";
import { createChatTemplate } from "../../src/index.ts";

describe("tools as JSON text", () => {
  const template = createChatTemplate("{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}");

  it("are the variable `tools`, read as Python reads JSON", () => {
    const toolsJson = '[{"z": {"2": 1.0, "1": 12345678901234567890}, "a": null}]';
    expect(template.render([], { toolsJson })).toBe(toolsJson.slice(1, -1));
    expect(template.render([])).toBe("");
  });

  it("take precedence over a variable of that name", () => {
    expect(
      template.render([], { toolsJson: "[1]", variables: { tools: [2] }, variablesJson: '{"tools": [3]}' }),
    ).toBe("1");
  });

  it.each(['{"a": 1}', "5", '"x"'])("are refused where they are no array: %s", (toolsJson) => {
    expect(() => template.render([], { toolsJson })).toThrow(/tools: expected a JSON array/);
  });

  it("are refused where they are no Unicode", () => {
    expect(() => template.render([], { toolsJson: String.raw`["\ud800"]` })).toThrow(
      /the tools.*lone surrogate/,
    );
  });
});
