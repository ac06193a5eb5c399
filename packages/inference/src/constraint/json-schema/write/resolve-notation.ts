import { determinizePattern } from "../../automaton/determinize.ts";
import { automatonExpression } from "../../automaton/automaton-expression.ts";
import type { CharacterAutomaton } from "../../automaton/character-automaton.ts";
import { intersectAutomata } from "../../automaton/combine-automata.ts";
import { acceptsText } from "../../automaton/text-automata.ts";
import { encodeCodePoints } from "../../characters/utf8.ts";
import { ConstraintError } from "../../program/constraint-error.ts";
import {
  emptyExpression,
  exactly,
  type Expression,
  joinBytes,
  literal,
  sequence,
} from "../../program/expression.ts";
import type { ProgramBuilder } from "../../program/program-builder.ts";
import { parsePattern } from "../../regex/parse-pattern.ts";
import { markedTokenBytes } from "../../tokens/marked-token-bytes.ts";
import { jsonStrings, rawStrings, sharedStrings, type StringNotation } from "./string-notation.ts";
import type { NotationMark, ObjectNotation, ValueNotation } from "./value-notation.ts";

/** How objects are written. */
export interface ObjectWriting {
  readonly open: Expression;
  readonly separator: Expression;
  /** The end of an object without properties. */
  readonly closeEmpty: Expression;
  readonly close: Expression;
  /** Names that can be written. */
  readonly names: CharacterAutomaton;
  /** A name and what is around it. @param path the object's, for errors */
  readonly name: (name: string, path: string) => Expression;
  /** One of several names, which is no other property's. */
  readonly openName: (names: CharacterAutomaton) => Expression;
  readonly afterValue: Expression;
  /** Properties whose values are texts. */
  readonly texts: ReadonlySet<string>;
  /** How such texts are written, with what comes after them. */
  readonly textStrings: StringNotation | undefined;
}

/** How values are written. */
export interface ValueWritings {
  readonly words: NonNullable<ValueNotation["words"]>;
  readonly strings: StringNotation;
  readonly objects: ObjectWriting;
  readonly root: ObjectWriting;
}

const jsonWords = { null: "null", true: "true", false: "false" };
const encoder = new TextEncoder();

/** Makes a notation ready to write with. @throws ConstraintError if it is not one */
export function resolveNotation(
  notation: ValueNotation | undefined,
  space: Expression,
  builder: ProgramBuilder,
): ValueWritings {
  const { budget } = builder;
  const { words = jsonWords, quote, without = [], objects, root } = notation ?? {};
  const mark = quote && bytesOf([quote]);
  const strings =
    mark !== undefined
      ? rawStrings({ open: mark, close: mark, without: [...without, spellingOf(quote)] }, budget)
      : notation === undefined
        ? jsonStrings()
        : sharedStrings(without, budget);
  const resolve = (given: ObjectNotation): ObjectWriting =>
    objectWriting(given, { strings, without, builder });
  const within = objects === undefined ? jsonObjects(space, strings, builder) : resolve(objects);
  return { words, strings, objects: within, root: root === undefined ? within : resolve(root) };
}

function jsonObjects(space: Expression, strings: StringNotation, builder: ProgramBuilder): ObjectWriting {
  return {
    open: sequence(literal("{"), space),
    separator: sequence(literal(","), space),
    closeEmpty: literal("}"),
    close: sequence(space, literal("}")),
    names: strings.allowed,
    name: (name) => sequence(literal(`"${strings.inside(name)}":`), space),
    openName: (names) => {
      const key = sequence(literal('"'), automatonExpression(names, strings.encode), literal('"'));
      return sequence({ kind: "call", rule: builder.addRule(key, true) }, literal(":"), space);
    },
    afterValue: emptyExpression,
    texts: new Set(),
    textStrings: undefined,
  };
}

interface ObjectContext {
  readonly strings: StringNotation;
  readonly without: readonly string[];
  readonly builder: ProgramBuilder;
}

function objectWriting(
  notation: ObjectNotation,
  { strings, without, builder }: ObjectContext,
): ObjectWriting {
  const { budget } = builder;
  const { bareNames, otherNames, texts = [] } = notation;
  const [before, after] = [expressionOf(notation.beforeName), expressionOf(notation.afterName)];
  const pattern = determinizePattern(parsePattern(bareNames, "bareNames", budget), budget);
  const bare = intersectAutomata(strings.allowed, pattern, budget);
  const close = bytesOf(notation.afterValue);
  const written = (name: string, path: string): Expression => {
    if (acceptsText(bare, name)) return literal(name);
    const inside = otherNames === "quoted" ? strings.inside(name) : undefined;
    if (inside !== undefined) return sequence(exactly(strings.open), literal(inside), exactly(strings.close));
    const expected = `names of properties that match ${bareNames}`;
    throw new ConstraintError("UNSUPPORTED_CONSTRAINT", { path, expected, got: JSON.stringify(name) });
  };
  return {
    open: expressionOf(notation.open),
    separator: expressionOf(notation.separator),
    closeEmpty: expressionOf(notation.close),
    close: expressionOf(notation.close),
    names: bare,
    name: (name, path) => sequence(before, written(name, path), after),
    openName: (names) => {
      const key = sequence(automatonExpression(names, encodeCodePoints), after);
      return sequence(before, { kind: "call", rule: builder.addRule(key, true) });
    },
    afterValue: exactly(close),
    texts: new Set(texts),
    textStrings:
      texts.length === 0 ? undefined : rawStrings({ open: new Uint8Array(), close, without }, budget),
  };
}

function expressionOf(marks: readonly NotationMark[]): Expression {
  return exactly(bytesOf(marks));
}

function bytesOf(marks: readonly NotationMark[]): Uint8Array {
  return joinBytes(
    ...marks.map((mark) => ("token" in mark ? markedTokenBytes(mark.token) : encoder.encode(mark.literal))),
  );
}

function spellingOf(mark: NotationMark | undefined): string {
  if (mark === undefined) return "";
  return "token" in mark ? mark.token : mark.literal;
}
