import type { Budget } from "../program/budget.ts";
import { dotCharacters, readClass, readEscape } from "./character-classes.ts";
import { emptyPattern, type PatternNode } from "./pattern-node.ts";
import { PatternReader } from "./pattern-reader.ts";

/**
 * Parses a regular expression as JavaScript's flag `u` reads it, without what is not regular or not supported:
 * back references, lookaround, word boundaries, inline flags. Lazy quantifiers match the same texts as greedy ones.
 * @throws ConstraintError with the position
 */
export function parsePattern(text: string, path: string, budget: Budget): PatternNode {
  budget.check("sourceLength", text.length);
  const reader = new PatternReader(text, path);
  const node = new PatternParser(reader, budget).parseChoice(0);
  if (!reader.isAtEnd) reader.fail("the end of the pattern");
  return node;
}

class PatternParser {
  readonly #reader: PatternReader;
  readonly #budget: Budget;

  constructor(reader: PatternReader, budget: Budget) {
    this.#reader = reader;
    this.#budget = budget;
  }

  parseChoice(depth: number): PatternNode {
    this.#budget.check("depth", depth);
    const options = [this.#parseSequence(depth)];
    while (this.#reader.skip("|")) options.push(this.#parseSequence(depth));
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  #parseSequence(depth: number): PatternNode {
    const parts: PatternNode[] = [];
    while (!this.#reader.isAtEnd && this.#reader.peek() !== "|" && this.#reader.peek() !== ")") {
      this.#budget.spend(1);
      parts.push(this.#parseQuantifier(this.#parseAtom(depth)));
    }
    return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #parseAtom(depth: number): PatternNode {
    const reader = this.#reader;
    if (reader.skip("^")) return { kind: "anchor", at: "start" };
    if (reader.skip("$")) return { kind: "anchor", at: "end" };
    if (reader.skip(".")) return { kind: "class", points: dotCharacters };
    if (reader.skip("[")) return { kind: "class", points: readClass(reader, this.#budget) };
    if (reader.skip("(")) return this.#parseGroup(depth);
    if (/^[*+?]/.test(reader.peek())) reader.fail("something to repeat");
    if (reader.skip("\\")) {
      if (reader.peek() === "b" || reader.peek() === "B") {
        reader.unsupported("no word boundaries", `\\${reader.peek()}`);
      }
      return { kind: "class", points: readEscape(reader, this.#budget, false) };
    }
    const point = reader.take().codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) {
      reader.unsupported("surrogates in pairs", "an unpaired surrogate");
    }
    return { kind: "class", points: [[point, point]] };
  }

  #parseGroup(depth: number): PatternNode {
    const reader = this.#reader;
    if (reader.peek() === "?" && !reader.skip("?:") && reader.match(/\?<[A-Za-z_$][\w$]*>/y) === undefined) {
      reader.unsupported(
        "a group",
        reader.match(/\?(?:<?[=!])/y) === undefined ? "inline flags" : "lookaround",
      );
    }
    const node = this.parseChoice(depth + 1);
    if (!reader.skip(")")) reader.fail("a closing )");
    return node;
  }

  #parseQuantifier(body: PatternNode): PatternNode {
    const bounds = this.#readBounds();
    if (bounds === undefined) return body;
    this.#reader.skip("?");
    if (/^[*+?]/.test(this.#reader.peek())) this.#reader.fail("one quantifier");
    if (bounds.max === 0) return emptyPattern;
    return { kind: "repeat", body, ...bounds };
  }

  #readBounds(): { readonly min: number; readonly max: number } | undefined {
    const reader = this.#reader;
    if (reader.skip("*")) return { min: 0, max: Infinity };
    if (reader.skip("+")) return { min: 1, max: Infinity };
    if (reader.skip("?")) return { min: 0, max: 1 };
    const found = reader.match(/\{(\d+)(,?)(\d*)\}/y);
    if (found === undefined) return undefined;
    const min = Number(found[1]);
    const max = found[2] === "" ? min : found[3] === "" ? Infinity : Number(found[3]);
    if (min > max) reader.fail("a lower bound that is not above the upper", found[0]);
    return { min, max };
  }
}
