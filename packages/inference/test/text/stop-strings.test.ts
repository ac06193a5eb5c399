import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopStrings } from "../../src/text/stop-strings.ts";

/** The definition: at the first character where a stop string is whole, the longest such one. */
function naive(
  text: string,
  stops: readonly string[],
  includeStop: boolean,
): { readonly text: string; readonly match: string | undefined } {
  for (let end = 1; end <= text.length; end += 1) {
    const found = stops
      .filter((stop) => text.slice(0, end).endsWith(stop))
      .sort((a, b) => b.length - a.length)[0];
    if (found !== undefined) {
      return { text: text.slice(0, includeStop ? end : end - found.length), match: found };
    }
  }
  return { text, match: undefined };
}

/** Pushes the pieces one after the other, as an engine would. */
function run(
  pieces: readonly string[],
  stops: readonly string[],
  includeStop: boolean,
): { readonly text: string; readonly match: string | undefined } {
  const matcher = new StopStrings(stops).matcher({ includeStopInOutput: includeStop });
  let text = "";
  for (const piece of pieces) {
    text += matcher.push(piece);
    if (matcher.match !== undefined) return { text: text + matcher.flush(), match: matcher.match };
  }
  return { text: text + matcher.flush(), match: undefined };
}

function cut(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, at) => text.slice(ends[at - 1] ?? 0, end));
}

describe("stop strings", () => {
  it("are matched across pieces and removed", () => {
    expect(run(["so ", "EN", "D it"], ["END"], false)).toEqual({ text: "so ", match: "END" });
    expect(run(["so ", "EN", "D it"], ["END"], true)).toEqual({ text: "so END", match: "END" });
  });

  it("hold back only text that may become one", () => {
    const matcher = new StopStrings(["\n\nUser:"]).matcher({ includeStopInOutput: false });
    expect(matcher.push("line\n")).toBe("line");
    expect(matcher.push("\nUs")).toBe("");
    expect(matcher.push("ed")).toBe("\n\nUsed");
    expect(matcher.push("\n\n\n")).toBe("\n");
    expect(matcher.flush()).toBe("\n\n");
  });

  it("hold no text back when they are part of the answer", () => {
    const matcher = new StopStrings(["END"]).matcher({ includeStopInOutput: true });
    expect(matcher.push("EN")).toBe("EN");
    expect(matcher.push("D.")).toBe("D");
  });

  it("match the first complete one; of two that end together, the longer", () => {
    expect(run(["abcd"], ["abcd", "bc"], false)).toEqual({ text: "a", match: "bc" });
    expect(run(["xabc"], ["bc", "abc"], false)).toEqual({ text: "x", match: "abc" });
  });

  it("do not depend on how the text is cut", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "é", "🌍"), maxLength: 60 });
    const stops = fc.array(
      fc.string({ unit: fc.constantFrom("a", "b", "c", "🌍"), minLength: 1, maxLength: 5 }),
      {
        minLength: 1,
        maxLength: 16,
      },
    );
    const places = fc.array(fc.nat(), { maxLength: 30 });
    fc.assert(
      fc.property(fc.tuple(letters, stops, places, fc.boolean()), ([text, stops, places, includeStop]) => {
        expect(run(cut(text, places), stops, includeStop)).toEqual(naive(text, stops, includeStop));
      }),
      { seed: 3, numRuns: 2000 },
    );
  });
});
