import type { Decimal } from "./decimal.ts";
import type { NumberStates } from "./explore-automaton.ts";

/** Compares a magnitude with a bound. */
export type Relation = "<" | "<=" | ">" | ">=";

/** The magnitudes, written without an exponent, that are in a relation to a bound that is not negative. */
export function comparisonStates({ whole, fraction }: Decimal, relation: Relation): NumberStates {
  const hasFraction = fraction !== "";
  const orderOfWhole = (digits: number, order: number): number => {
    if (digits !== whole.length) return digits < whole.length ? -1 : 1;
    return order;
  };
  return {
    // w: digits of the whole part and their order; f: digits of an equal fraction; d: decided.
    start: "w,0,0",
    step(state, character) {
      const [phase, first = 0, second = 0] = parse(state);
      if (phase === "w") {
        const order = orderOfWhole(first, second);
        if (character === ".") return first === 0 ? undefined : order === 0 ? "f,0" : `d,${order}`;
        if (first >= whole.length) return `w,${whole.length + 1},1`;
        return `w,${first + 1},${second === 0 ? Math.sign(character - Number(whole[first])) : second}`;
      }
      if (character === ".") return undefined;
      if (phase === "d") return state;
      const order = Math.sign(character - Number(fraction[first] ?? "0"));
      return order === 0 ? `f,${Math.min(first + 1, fraction.length)}` : `d,${order}`;
    },
    accepts(state) {
      const [phase, first = 0, second = 0] = parse(state);
      if (phase === "d") return holds(relation, first);
      if (phase === "f") return holds(relation, first < fraction.length ? -1 : 0);
      const order = orderOfWhole(first, second);
      return first > 0 && holds(relation, order === 0 && hasFraction ? -1 : order);
    },
  };
}

function holds(relation: Relation, order: number): boolean {
  if (order === 0) return relation === "<=" || relation === ">=";
  return order < 0 ? relation.startsWith("<") : relation.startsWith(">");
}

/** The magnitudes that are multiples of a number, which has a few digits. */
export function multipleStates({ whole, fraction }: Decimal): NumberStates {
  const divisor = Number(whole + fraction);
  const places = fraction.length;
  const isMultiple = (remainder: number, digits: number): boolean => {
    let scaled = remainder;
    for (let place = digits; place < places; place += 1) scaled = (scaled * 10) % divisor;
    return scaled === 0;
  };
  return {
    // w: remainder of the whole digits; f: remainder and digits of the fraction.
    start: "s",
    step(state, character) {
      const [phase, remainder = 0, digits = 0] = parse(state);
      if (character === ".") return phase === "w" ? `f,${remainder},0` : undefined;
      if (phase !== "f") return `w,${(remainder * 10 + character) % divisor}`;
      if (digits < places) return `f,${(remainder * 10 + character) % divisor},${digits + 1}`;
      return character === 0 ? state : undefined;
    },
    accepts(state) {
      const [phase, remainder = 0, digits = 0] = parse(state);
      return phase !== "s" && isMultiple(remainder, phase === "f" ? digits : 0);
    },
  };
}

function parse(state: string): [phase: string, first?: number, second?: number] {
  const [phase = "", ...numbers] = state.split(",");
  return [phase, ...numbers.map(Number)] as [string, number?, number?];
}
