import * as fc from "fast-check";
import { expect, test } from "vitest";
import { outlinePrompt, prefixLengths } from "../../src/text/prompt-prefix.ts";

const user = (content: unknown): object => ({ role: "user", content });

test("prompts that begin alike have the same first hashes, and no more", () => {
  const texts = fc.string({ maxLength: 900 });
  fc.assert(
    fc.property(texts, texts, texts, (shared, one, other) => {
      const [a, b] = [shared + one, shared + other];
      let length = 0;
      while (length < Math.min(a.length, b.length) && a[length] === b[length]) length += 1;
      const [left, right] = [outlinePrompt({ prompt: a }), outlinePrompt({ prompt: b })];
      for (const [index, end] of prefixLengths.entries()) {
        const isShared = end <= length;
        expect(left.prefixes[index] !== undefined && left.prefixes[index] === right.prefixes[index]).toBe(
          isShared,
        );
      }
      expect(left.characters).toBe(a.length);
    }),
  );
});

test("how a text is cut into messages' parts changes no hash", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 300 }), { maxLength: 20 }), (parts) => {
      const cut = outlinePrompt({ messages: [user(parts.map((text) => ({ type: "text", text })))] });
      expect(cut).toEqual(outlinePrompt({ messages: [user(parts.join(""))] }));
    }),
  );
});

test("a conversation keeps its hashes as it grows, whatever its parameters are", () => {
  const messages = [user("a".repeat(700))];
  const before = outlinePrompt({ model: "m", temperature: 0, messages });
  const after = outlinePrompt({ messages: [...messages, user("b".repeat(400))], stream: true });
  expect(before.prefixes).toHaveLength(2);
  expect(after.prefixes.slice(0, 2)).toEqual(before.prefixes);
  expect(after.prefixes).toHaveLength(3);
});

test("reads the fields of every wire format, and no images", () => {
  const text = "x".repeat(256);
  for (const field of ["tools", "system", "instructions", "messages", "prompt", "input"]) {
    expect(outlinePrompt({ [field]: text }).prefixes).toHaveLength(1);
  }
  const image = { type: "image_url", image_url: { url: `data:${"A".repeat(9999)}` } };
  expect(outlinePrompt({ messages: [user([image])] })).toEqual({ characters: 4, prefixes: [] });
  expect(outlinePrompt({ prompt: [1, 22, 333] }).characters).toBe(6);
});

test("takes any JSON, however deep", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { characters, prefixes } = outlinePrompt({ messages: value, prompt: value });
      expect(prefixes.length).toBe(prefixLengths.filter((length) => length <= characters).length);
    }),
  );
  let deep: unknown = "text";
  for (let depth = 0; depth < 5000; depth += 1) deep = [deep];
  expect(outlinePrompt({ messages: deep }).characters).toBe(0);
});
