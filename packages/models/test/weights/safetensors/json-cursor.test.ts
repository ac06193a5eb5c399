import { describe, expect, it } from "vitest";

import { JsonSyntaxError } from "../../../src/files/json-scanner.ts";
import { JsonCursor } from "../../../src/weights/safetensors/json-cursor.ts";

const readStrings = (text: string): Record<string, string> => {
  const cursor = new JsonCursor(text);
  const values: [string, string][] = [];
  cursor.readObject((name) => void values.push([name, cursor.readString()]));
  cursor.readEnd();
  return Object.fromEntries(values);
};

describe("JsonCursor", () => {
  it("reads texts as JSON.parse does", () => {
    const text = String.raw`{ "a" : "\"\\\/\b\f\n\r\té😀", "b\\" : "", "c": "\\\\" }`;
    expect(readStrings(text)).toEqual(JSON.parse(text));
  });

  it("refuses what JSON refuses", () => {
    const wrong = [
      "",
      "{",
      '{"a"}',
      '{"a":"b"',
      '{"a":"b",}',
      '{"a":"b"}}',
      '{"a":"\\x"}',
      '{"a":"\n"}',
      "{'a':'b'}",
      '{"a":"b" "c":"d"}',
      "{,}",
    ];
    for (const text of wrong) {
      expect(() => readStrings(text)).toThrow(JsonSyntaxError);
    }
  });

  it("refuses a repeated name, also when it is escaped", () => {
    expect(() => readStrings(String.raw`{"ab":"1","\u0061b":"2"}`)).toThrow('"ab" a second time');
  });

  it("reads unsigned integers only", () => {
    expect(new JsonCursor("[0, 12,9007199254740991 ]").readIntegers(3)).toEqual([
      0,
      12,
      Number.MAX_SAFE_INTEGER,
    ]);
    expect(new JsonCursor("[]").readIntegers(3)).toEqual([]);
    for (const text of [
      "[-1]",
      "[1.0]",
      "[1e2]",
      "[01]",
      "[9007199254740992]",
      '["1"]',
      "[1,]",
      "[1 2]",
      "[1,2,3,4]",
    ]) {
      expect(() => new JsonCursor(text).readIntegers(3)).toThrow(JsonSyntaxError);
    }
  });

  it("skips any value, up to a depth", () => {
    const value = '{"a":[1,-2.5e+3,true,false,null,"x",{"b":[]}]}';
    const cursor = new JsonCursor(value);
    cursor.skipValue();
    expect(() => cursor.readEnd()).not.toThrow();
    expect(() => new JsonCursor("[".repeat(50)).skipValue()).toThrow("nested at most 32 deep");
    expect(() => new JsonCursor("nul").skipValue()).toThrow(JsonSyntaxError);
  });

  it("reads a text of escapes in linear time", () => {
    const text = `{"a":"${String.raw`\"`.repeat(200_000)}"}`;
    expect(readStrings(text)["a"]).toHaveLength(200_000);
  });
});
