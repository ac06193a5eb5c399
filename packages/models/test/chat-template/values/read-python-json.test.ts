import { describe, expect, it } from "vitest";

import { PythonFloat } from "../../../src/chat-template/values/python-float.ts";
import { readPythonJson } from "../../../src/chat-template/values/read-python-json.ts";
import { JsonSyntaxError } from "../../../src/files/json-scanner.ts";

const float = (value: number): PythonFloat => new PythonFloat(value);

describe("readPythonJson", () => {
  it("reads every kind of JSON value", () => {
    expect(readPythonJson(' {"a" : [1, -2.5, true, false, null, "\\u00e9\\n"]}\n')).toEqual(
      new Map([["a", [1, float(-2.5), true, false, null, "é\n"]]]),
    );
    expect(readPythonJson("[]")).toEqual([]);
    expect(readPythonJson("{}")).toEqual(new Map());
  });

  it("keeps integers exact, and floats floats", () => {
    expect(readPythonJson("[9007199254740991,9007199254740993,-0,1.0,1e2,-0.0]")).toEqual([
      9007199254740991,
      9007199254740993n,
      0,
      float(1),
      float(100),
      float(-0),
    ]);
  });

  it("keeps the order of keys, and the last value of equal ones at the first one's place", () => {
    const value = readPythonJson('{"b":1,"10":2,"9":3,"b":4}') as ReadonlyMap<string, unknown>;
    expect([...value]).toEqual([
      ["b", 4],
      ["10", 2],
      ["9", 3],
    ]);
  });

  it("reads Python's constants", () => {
    expect(readPythonJson("[NaN, Infinity, -Infinity]")).toEqual([
      float(Number.NaN),
      float(Infinity),
      float(-Infinity),
    ]);
  });

  const refused = [
    "",
    "{",
    "[1,]",
    '{"a":1,}',
    "{'a':1}",
    '{"a" 1}',
    "01",
    "1 2",
    "+1",
    ".5",
    "1.",
    "nan",
    '"a\nb"',
    '"\\x"',
    '"a',
    "9".repeat(4301),
    "[".repeat(513) + "]".repeat(513),
    "\uFEFF{}",
    "\u00A0{}",
  ];
  it.each(refused)("refuses %j", (text) => {
    expect(() => readPythonJson(text)).toThrow(JsonSyntaxError);
  });
});
