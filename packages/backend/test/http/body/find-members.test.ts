import { expect, test } from "vitest";
import { withModel } from "../../../src/gateway/proxy/read-route.ts";
import { readBodyRoute } from "../../../src/http/body/body-route.ts";
import { findMembers } from "../../../src/http/body/find-members.ts";

function valuesOf(text: string, ...names: readonly string[]): unknown {
  const json = Buffer.from(text);
  const members = findMembers(json, new Set(names));
  return members && [...members].map(([name, { start, end }]) => [name, json.toString("utf8", start, end)]);
}

test("finds values of every kind, the last of several", () => {
  const text = ' {"a" : "x\\"}",\n"b":[{"a":1},"]"] , "c":{"d":{}},"e":-1.5e3,"a":null,"f":true}';
  expect(valuesOf(text, "a", "b", "c", "e", "f")).toEqual([
    ["a", "null"],
    ["b", '[{"a":1},"]"]'],
    ["c", '{"d":{}}'],
    ["e", "-1.5e3"],
    ["f", "true"],
  ]);
});

test("reads keys with escapes, and takes no member of an inner object", () => {
  expect(valuesOf(String.raw`{"mod\u0065l":"x","inner":{"model":"y"}}`, "model")).toEqual([["model", '"x"']]);
});

test.each([
  "",
  "[]",
  '"text"',
  "{",
  '{"model":"x"',
  '{"model" "x"}',
  '{"model":}',
  '{"model":"x}',
  '{"a":1}{',
  "{a:1}",
])("takes nothing from %j", (text) => {
  const found = valuesOf(text, "model");
  // What follows the object is not looked at.
  expect(found ?? []).toEqual([]);
});

test("agrees with JSON.parse on the route of random objects", () => {
  let seed = 7;
  const random = (count: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % count;
  };
  const words = ["model", "input", "x", 'a"b', "\\", "ü\u2028", "{", "]", ""];
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 4 : 6);
    if (kind === 4) return Array.from({ length: random(4) }, () => value(depth + 1));
    if (kind === 5) return Object.fromEntries(words.slice(random(9)).map((word) => [word, value(depth + 1)]));
    return [words[random(9)], random(100) / 7, null, true][kind];
  };
  for (let count = 0; count < 300; count += 1) {
    const body = { before: value(0), model: words[random(9)], after: value(0) };
    const text = JSON.stringify(body, undefined, random(3));
    const bytes = Buffer.from(text);
    const route = readBodyRoute(bytes);
    expect(route.model).toBe(body.model === "" ? undefined : body.model);
    expect(JSON.parse(withModel(bytes, route, "other").toString())).toEqual({ ...body, model: "other" });
  }
});

test("a body gets another model without any other change", () => {
  const rename = (text: string): string => {
    const bytes = Buffer.from(text);
    return withModel(bytes, readBodyRoute(bytes), "m").toString();
  };
  expect(rename('{ "seed":12345678901234567890, "model" : "x" }')).toBe(
    '{ "seed":12345678901234567890, "model" : "m" }',
  );
  expect(rename(' {"n":1}')).toBe(' {"model":"m","n":1}');
  expect(rename("{ }")).toBe('{"model":"m" }');
  expect(rename("not JSON")).toBe("not JSON");
  const same = Buffer.from('{"model":"m"}');
  expect(withModel(same, readBodyRoute(same), "m")).toBe(same);
});

test("a conversation is what the request continues, or names", () => {
  const routeOf = (body: object) => readBodyRoute(Buffer.from(JSON.stringify(body)));
  expect(routeOf({ previous_response_id: "resp_1" })).toMatchObject({
    continues: "resp_1",
    conversation: "resp_1",
  });
  expect(routeOf({ conversation: { id: "conv_1" } })).toMatchObject({ continues: "conv_1" });
  expect(routeOf({ prompt_cache_key: "mine" })).toMatchObject({
    continues: undefined,
    conversation: "mine",
  });
  expect(routeOf({ previous_response_id: null, model: 7 })).toMatchObject({
    continues: undefined,
    model: undefined,
  });
});
