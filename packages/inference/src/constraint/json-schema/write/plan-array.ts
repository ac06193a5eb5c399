import type { CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { findLengthRanges, type LengthRange } from "../../automaton/length-ranges.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import type { SchemaShapes } from "../shapes/schema-shapes.ts";
import type { ArrayShape, ItemCount } from "../shapes/shapes.ts";

/** An item that takes an array from one state to another. */
export interface ItemEdge {
  readonly from: number;
  readonly to: number;
  readonly value: Conjunction;
}

/** An array whose items are counted or compared, as an automaton of items. State 0 is the empty array. */
export interface ArrayPlan {
  readonly edges: readonly ItemEdge[];
  /** States in which the array may end. */
  readonly accepting: readonly boolean[];
  /** How many items each state may still have. */
  readonly lengths: readonly LengthRange[];
  /** The texts of items, of which no two are the same. [none: the edges have values] */
  readonly texts?: CharacterAutomaton | undefined;
}

const maxStates = 64;

/** What an automaton of items is made of. */
interface ItemStates {
  readonly start: string;
  /** The items that can come next, and where they lead. */
  readonly next: (state: string) => readonly { readonly value: Conjunction; readonly to: string }[];
  readonly accepts: (state: string) => boolean;
}

/** Of an array that has `contains`. @throws ConstraintError if there are too many counts to keep apart */
export function planCountedArray(shape: ArrayShape, shapes: SchemaShapes): ArrayPlan {
  const counts = shape.contains ?? [];
  const last = Math.max(shape.prefix.length, 1, ...counts.map(({ from }) => from));
  const caps = counts.map(({ min, max }) => (max === Infinity ? min : max));
  return explore(
    {
      start: JSON.stringify([0, ...counts.map(() => 0)]),
      accepts: (state) =>
        numbersOf(state)
          .slice(1)
          .every((count, index) => count >= counts[index]!.min),
      next: (state) => {
        const [place = 0, ...found] = numbersOf(state);
        const base = shape.prefix[place] ?? shape.items;
        let options: { readonly value: Conjunction; readonly counted: readonly number[] }[] = [
          { value: base, counted: [] },
        ];
        for (const [index, count] of counts.entries()) {
          options = options.flatMap(({ value, counted }) =>
            itemOptions(count, { place, found: found[index]!, cap: caps[index]! }, shapes).map((option) => ({
              value: [...value, ...option.value],
              counted: [...counted, option.found],
            })),
          );
        }
        return options.map(({ value, counted }) => ({
          value,
          to: JSON.stringify([Math.min(place + 1, last), ...counted]),
        }));
      },
    },
    shapes,
  );
}

/** Whether the next item is one of those that are counted. With an upper bound both must be certain. */
function itemOptions(
  { value, from, max }: ItemCount,
  { place, found, cap }: { readonly place: number; readonly found: number; readonly cap: number },
  shapes: SchemaShapes,
): readonly { readonly value: Conjunction; readonly found: number }[] {
  if (place < from) return [{ value: [], found }];
  if (max === Infinity) {
    const matching = found < cap ? [{ value, found: found + 1 }] : [];
    return [{ value: [], found }, ...matching];
  }
  const others = { value: shapes.negationOf(value), found };
  return found < cap ? [others, { value, found: found + 1 }] : [others];
}

function explore({ start, next, accepts }: ItemStates, shapes: SchemaShapes): ArrayPlan {
  const numbers = new Map([[start, 0]]);
  const edges: ItemEdge[] = [];
  const accepting: boolean[] = [];
  for (const [state, from] of numbers) {
    accepting.push(accepts(state));
    for (const { value, to } of next(state)) {
      shapes.budget.spend(10);
      if (shapes.isNever(value)) continue;
      let target = numbers.get(to);
      if (target === undefined) {
        target = numbers.size;
        numbers.set(to, target);
      }
      edges.push({ from, to: target, value });
    }
    if (numbers.size > maxStates) refuse(shapes, `${numbers.size} or more`);
  }
  const live = leadingToEnd(edges, accepting);
  const kept = edges.filter(({ from, to }) => live[from] && live[to]);
  const targets = accepting.map((_, from) =>
    kept.flatMap((edge) => (edge.from === from ? [{ low: 0, high: 0, target: edge.to }] : [])),
  );
  const lengths = findLengthRanges({ edges: targets, accepting }, shapes.budget);
  return { edges: kept, accepting, lengths: lengths ?? refuse(shapes, "lengths with gaps") };
}

/** The states from which the array can end. */
function leadingToEnd(edges: readonly ItemEdge[], accepting: readonly boolean[]): readonly boolean[] {
  const live = [...accepting];
  for (let changed = true; changed;) {
    changed = false;
    for (const { from, to } of edges) {
      if (live[from] === true || live[to] !== true) continue;
      live[from] = true;
      changed = true;
    }
  }
  return live;
}

function numbersOf(state: string): readonly number[] {
  return JSON.parse(state) as readonly number[];
}

function refuse({ budget }: SchemaShapes, got: string): never {
  const expected = `counts of items that at most ${maxStates} states keep apart`;
  throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
    path: budget.path,
    keyword: "contains",
    expected,
    got,
  });
}
