import type { CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { isEmptyAutomaton } from "../../automaton/character-automaton.ts";
import { intersectAutomata, subtractAutomaton } from "../../automaton/combine-automata.ts";
import {
  acceptsText,
  anyTextAutomaton,
  automatonOfTexts,
  isEndless,
  listTexts,
} from "../../automaton/text-automata.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import { conjunctionForName } from "../shapes/object-layers.ts";
import type { Conjunction } from "../schema/schema-document.ts";
import type { SchemaShapes } from "../shapes/schema-shapes.ts";
import type { ObjectLayer, ObjectShape, Shape } from "../shapes/shapes.ts";
import { automatonOf } from "../shapes/string-patterns.ts";
import { lengthAutomaton } from "./write-string.ts";

/** A property that an object may have at its place in the order. */
export interface DeclaredProperty {
  readonly name: string;
  readonly value: Conjunction;
  readonly isRequired: boolean;
}

/** Names that an object may have beside, with what they may hold. */
export interface OpenProperties {
  readonly names: CharacterAutomaton;
  readonly value: Conjunction;
}

export interface ObjectPlan {
  readonly declared: readonly DeclaredProperty[];
  readonly open: readonly OpenProperties[];
}

/** Names of a finite set that are written out. */
const maxListedNames = 256;
/** Sets of names that a value's patterns tell apart. */
const maxParts = 64;

/**
 * What properties an object may have; `undefined` if it can have none that it must.
 * @param writable the names that properties may have which the schema does not declare
 */
export function planObject(
  shape: ObjectShape,
  shapes: SchemaShapes,
  writable: CharacterAutomaton = anyTextAutomaton,
): ObjectPlan | undefined {
  const { budget } = shapes;
  const { layers, required } = shape;
  const allowed =
    shape.names.length === 0 ? anyTextAutomaton : textsAutomaton(shape.names, shape.path, shapes);
  const declared: DeclaredProperty[] = [];
  const names = new Set([...layers.flatMap((layer) => [...layer.properties.keys()]), ...required]);
  const declare = (name: string): boolean => {
    const value = conjunctionForName(name, layers, budget);
    const isPossible = acceptsText(allowed, name) && !shapes.isNever(value);
    if (isPossible) declared.push({ name, value, isRequired: required.has(name) });
    return isPossible || !required.has(name);
  };
  for (const name of names) if (!declare(name)) return undefined;
  const open: OpenProperties[] = [];
  budget.path = shape.path;
  const written = writable === anyTextAutomaton ? allowed : intersectAutomata(allowed, writable, budget);
  const others = subtractAutomaton(written, automatonOfTexts(names, budget), budget);
  for (const part of splitByPatterns(others, layers, shapes)) {
    if (shapes.isNever(part.value)) continue;
    if (isEndless(part.names)) {
      open.push(part);
      continue;
    }
    const texts = listTexts(part.names, maxListedNames);
    if (texts === undefined) {
      throw new ConstraintError("UNSUPPORTED_CONSTRAINT", {
        path: shape.path,
        keyword: shape.names.length > 0 ? "propertyNames" : "patternProperties",
        expected: `names that can always be continued, or at most ${maxListedNames} names`,
        got: "names of which some can run out",
      });
    }
    for (const name of texts) declare(name);
  }
  return { declared, open };
}

/** Cuts a set of names into those that match the same patterns. */
function splitByPatterns(
  names: CharacterAutomaton,
  layers: readonly ObjectLayer[],
  shapes: SchemaShapes,
): readonly OpenProperties[] {
  const { budget } = shapes;
  let parts: { readonly names: CharacterAutomaton; readonly value: Conjunction }[] = [{ names, value: [] }];
  for (const { patterns, additional } of layers) {
    let unmatched = parts.map((part) => ({ ...part, isMatched: false }));
    for (const { pattern, value } of patterns) {
      const automaton = automatonOf(pattern, budget);
      unmatched = unmatched.flatMap((part) => [
        {
          names: intersectAutomata(part.names, automaton, budget),
          value: [...part.value, ...value],
          isMatched: true,
        },
        { ...part, names: subtractAutomaton(part.names, automaton, budget) },
      ]);
      unmatched = unmatched.filter((part) => !isEmptyAutomaton(part.names));
      assertFewParts(unmatched.length, pattern.path);
    }
    parts = unmatched.map((part) => ({
      names: part.names,
      value: part.isMatched ? part.value : [...part.value, ...additional],
    }));
  }
  return parts.filter((part) => !isEmptyAutomaton(part.names));
}

function assertFewParts(count: number, path: string): void {
  if (count <= maxParts) return;
  throw new ConstraintError("CONSTRAINT_TOO_LARGE", {
    path,
    expected: `at most ${maxParts} sets of names that patterns tell apart`,
    got: `${count}`,
  });
}

/** The texts that some schemas allow. @param path of errors about their lengths */
export function textsAutomaton(names: Conjunction, path: string, shapes: SchemaShapes): CharacterAutomaton {
  const { budget } = shapes;
  const found = shapes.of(names);
  const texts = found.flatMap((shape) =>
    shape.type === "literal" && typeof shape.value === "string" ? [shape.value] : [],
  );
  let excluded = subtractAutomaton(anyTextAutomaton, automatonOfTexts(texts, budget), budget);
  for (const shape of found) {
    if (shape.type !== "string") continue;
    excluded = subtractAutomaton(excluded, shapeAutomaton(shape, path, shapes), budget);
  }
  return subtractAutomaton(anyTextAutomaton, excluded, budget);
}

function shapeAutomaton(
  { min, max, patterns }: Shape & { type: "string" },
  path: string,
  { budget }: SchemaShapes,
): CharacterAutomaton {
  let automaton = lengthAutomaton({ min, max, path }, budget);
  for (const pattern of patterns) {
    automaton = intersectAutomata(automaton, automatonOf(pattern, budget), budget);
  }
  return automaton;
}
