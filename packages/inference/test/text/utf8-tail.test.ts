import { describe, expect, it } from "vitest";
import { Utf8Tail } from "../../src/text/utf8-tail.ts";

/** The platform's decoder: incomplete means that it returns nothing for the end while more may come. */
function isIncomplete(bytes: Uint8Array): boolean {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  decoder.decode(bytes, { stream: true });
  return decoder.decode() !== "";
}

describe("Utf8Tail", () => {
  it("agrees with the platform's decoder on every end of up to four bytes", () => {
    // The edges of every range of the table in the Unicode standard (table 3-7).
    const edges = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
      0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
    ];
    let combinations: number[][] = [[]];
    for (let length = 1; length <= 4; length += 1) {
      combinations = combinations.flatMap((start) => edges.map((byte) => start.concat(byte)));
      const wrong = combinations.filter((bytes) => {
        const tail = new Utf8Tail();
        tail.push(Uint8Array.from(bytes));
        return tail.isIncomplete() !== isIncomplete(Uint8Array.from(bytes));
      });
      expect(wrong).toEqual([]);
    }
  });

  it("remembers over pushes of any size", () => {
    const tail = new Utf8Tail();
    const states = Array.from(new TextEncoder().encode("a🌍b"), (byte) => {
      tail.push(Uint8Array.of(byte));
      return tail.isIncomplete();
    });
    expect(states).toEqual([false, true, true, true, false, false]);
    tail.push(Uint8Array.of(0xf0));
    tail.reset();
    expect(tail.isIncomplete()).toBe(false);
  });
});
