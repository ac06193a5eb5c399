import { type AwaitedText, watchTexts } from "../automaton/watch-texts.ts";
import type { ConstraintSource, DispatchSource, LeafSource } from "./constraint-source.ts";
import { leafExpression, maxWithout } from "./leaf-expression.ts";
import { ConstraintError } from "../program/constraint-error.ts";
import { choice, type Expression, sequence } from "../program/expression.ts";
import type { ProgramBuilder } from "../program/program-builder.ts";
import { listOf, refuse, textOf, textsOf } from "./source-fields.ts";
import { readStructuralTag } from "./read-structural-tag.ts";

/** Repetitions that a source may ask for. */
const maxRepetitions = 10_000;

/** Where a source is within others. */
interface SourcePlace {
  /** Of a part without a name, its place: `sequence[1].anyOf[0]`; `undefined`: the source is the whole one. */
  readonly part: string | undefined;
  readonly isNamed: boolean;
  readonly depth: number;
}

const whole: SourcePlace = { part: undefined, isNamed: false, depth: 0 };

function placeWithin({ part, isNamed, depth }: SourcePlace, step: string): SourcePlace {
  if (isNamed) return { part, isNamed, depth: depth + 1 };
  return { part: part === undefined ? step : `${part}.${step}`, isNamed, depth: depth + 1 };
}

/** Writes a source as an expression; adds the rules that it needs. @throws ConstraintError with the part that it is about */
export function sourceExpression(
  source: ConstraintSource,
  builder: ProgramBuilder,
  place: SourcePlace = whole,
): Expression {
  const { budget } = builder;
  budget.spend(1);
  budget.check("depth", place.depth);
  if ("sequence" in source) {
    const parts = listOf(source.sequence, "sequence");
    return sequence(
      ...parts.map((part, at) => sourceExpression(part, builder, placeWithin(place, `sequence[${at}]`))),
    );
  }
  if ("anyOf" in source) {
    const options = listOf(source.anyOf, "anyOf");
    return choice(
      ...options.map((option, at) => sourceExpression(option, builder, placeWithin(place, `anyOf[${at}]`))),
    );
  }
  if ("repeat" in source) {
    const { min, max } = assertCounts(source);
    return {
      kind: "repeat",
      body: sourceExpression(source.repeat, builder, placeWithin(place, "repeat")),
      min,
      max,
    };
  }
  if ("part" in source) {
    const part = textOf(source.name, "name");
    return sourceExpression(source.part, builder, { part, isNamed: true, depth: place.depth + 1 });
  }
  if ("structuralTag" in source) {
    const tag = readStructuralTag(source, { budget, place: place.part });
    return sourceExpression(tag, builder, { ...place, isNamed: true, depth: place.depth + 1 });
  }
  if ("dispatch" in source) return dispatchExpression(source, builder, place);
  return partExpression(source, builder, place.part);
}

function dispatchExpression(
  { dispatch, without, isRepeated }: DispatchSource,
  builder: ProgramBuilder,
  place: SourcePlace,
): Expression {
  const rules = listOf(dispatch, "dispatch");
  const after = rules.map((rule) => rule.after);
  const texts = textsOf([...after, ...without], "dispatch", maxWithout);
  const awaited = rules.map(({ follows }, at): AwaitedText => {
    const expression = sourceExpression(follows, builder, placeWithin(place, `dispatch[${at}].follows`));
    const isCall = expression.kind === "call";
    const body: Expression = isCall ? expression : { kind: "call", rule: builder.addRule(expression) };
    return { text: texts[at]!, follows: body };
  });
  return watchTexts({ refused: texts.slice(rules.length), awaited, isRepeated }, builder.budget);
}

/** A part that could turn out to match nothing gets a rule of its own, which is checked for it. */
function partExpression(source: LeafSource, builder: ProgramBuilder, part: string | undefined): Expression {
  const { budget } = builder;
  try {
    const expression = leafExpression(source, builder);
    if (part === undefined || "literal" in source || "token" in source) return expression;
    const rule = expression.kind === "call" ? expression.rule : builder.addRule(expression);
    builder.parts.push({ rule, part, path: budget.path });
    return { kind: "call", rule };
  } catch (error) {
    throw part !== undefined && error instanceof ConstraintError ? error.within(part) : error;
  }
}

function assertCounts({ min, max }: { readonly min: number; readonly max: number }): {
  readonly min: number;
  readonly max: number;
} {
  const isCount = (count: unknown): boolean =>
    Number.isInteger(count) && (count as number) >= 0 && (count as number) <= maxRepetitions;
  if (isCount(min) && (max === Infinity || isCount(max)) && max >= Math.max(1, min)) return { min, max };
  const expected = `a maximum from 1 to ${maxRepetitions}, or Infinity, and a minimum that is not above it`;
  return refuse("repeat", expected, `${min} and ${max}`);
}
