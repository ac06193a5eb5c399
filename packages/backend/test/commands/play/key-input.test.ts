import { PassThrough } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createKeyInput, pasteKey } from "../../../src/commands/play/key-input.ts";

/** The keys that readline gets for these chunks, and the pasted texts. */
async function read(chunks: readonly Buffer[]): Promise<{ keys: string[]; pastes: string[] }> {
  const stdin = new PassThrough();
  const input = createKeyInput(stdin);
  const seen: string[] = [];
  input.keys.on("data", (chunk: Buffer) => seen.push(String(chunk)));
  for (const chunk of chunks) stdin.write(chunk);
  const ended = new Promise((resolve) => input.keys.once("end", resolve));
  stdin.end();
  await ended;
  const count = seen.join("").split(pasteKey).length - 1;
  return { keys: seen, pastes: Array.from({ length: count }, () => input.takePaste()) };
}

const paste = (text: string): string => `\u001B[200~${text}\u001B[201~`;

test("emits each character separately", async () => {
  const { keys } = await read([Buffer.from("né🦊\r"), Buffer.from("\u001B"), Buffer.from("\u001B[A")]);
  expect(keys).toEqual(["n", "é", "🦊", "\r", "\u001B", "\u001B", "[", "A"]);
});

test("turns a paste into one line without control characters", async () => {
  const { keys, pastes } = await read([Buffer.from(`a${paste("one\r\ntwo\n\n\u001B[31mthree\u0007\r\r")}b`)]);
  expect(keys.join("")).toBe(`a${pasteKey}b`);
  expect(pastes).toEqual(["one⏎two⏎⏎[31mthree"]);
});

// A single escape is a key; a terminal sends an escape sequence in one write.
test("reads the same for any split of the bytes after an escape", async () => {
  const text = Buffer.from(`x${paste("日本\n語")}\u001B[D${paste("")}y${paste("\u001B[20")}z\r`);
  const whole = await read([text]);
  expect(whole.pastes).toEqual(["日本⏎語", "", "[20"]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 12 }), async (cuts) => {
      const isKey = (cut: number): boolean => text.subarray(cut - 1, cut + 5).equals(Buffer.from(pasteKey));
      const places = [0, ...cuts.filter((cut) => !isKey(cut)).toSorted((a, b) => a - b), text.length];
      const chunks = places.slice(1).map((end, index) => text.subarray(places[index], end));
      expect(await read(chunks)).toEqual(whole);
    }),
    { numRuns: 300, seed: 21 },
  );
});
