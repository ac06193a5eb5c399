import { describe, expect, test } from "vitest";
import { memberText } from "../../src/text/member-text.ts";

describe("memberText", () => {
  test.each([
    ['{"a":1.0}', "1.0"],
    [' { "b" : "a\\"{" , "a" : { "x" : [ 1 , {} ] , "a" : 2 } , "c":null}', '{ "x" : [ 1 , {} ] , "a" : 2 }'],
    ['{"b":{"a":1},"a":"}\\\\"}', '"}\\\\"'],
    ['{"a":1,"a":2,"b":3}', "2"],
    ['{"\\u0061":true }', "true"],
    ['{"b":1}', undefined],
    ["{}", undefined],
    [" [1]", undefined],
    ['"a"', undefined],
  ])("finds `a` in %s", (json, text) => {
    expect(memberText(json, "a")).toBe(text);
  });
});
