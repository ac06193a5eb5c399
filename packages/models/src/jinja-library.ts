import { PythonFloat } from "./read-python-json.ts";
import * as library from "@huggingface/jinja";

/** A value while a template runs; `type` names its class, such as `StringValue`. */
export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

/** A scope of variables. */
export interface JinjaEnvironment {
  /** Declares a plain value and answers it as a value of the library. */
  set(name: string, value: unknown): JinjaValue;
  setVariable(name: string, value: JinjaValue): JinjaValue;
}

/** A node of a parsed template. */
export interface JinjaNode {
  readonly type: string;
  readonly [part: string]: unknown;
}

/** A word or sign of a template. */
export interface JinjaToken {
  readonly value: string;
  readonly type: string;
}

interface JinjaInterpreter {
  evaluate(node: unknown, environment: JinjaEnvironment): JinjaValue;
  /** Runs statements one after the other and joins what they print. Not in the library's declarations. */
  evaluateBlock(nodes: readonly JinjaNode[], environment: JinjaEnvironment): JinjaValue;
  /** Applies the filter of an expression or a block. Not in the declarations either, as the next. */
  applyFilter(operand: JinjaValue, filter: JinjaNode, environment: JinjaEnvironment): JinjaValue;
  evaluateArguments(
    nodes: readonly JinjaNode[],
    environment: JinjaEnvironment,
  ): [positional: JinjaValue[], named: Map<string, JinjaValue>];
  run(program: unknown): JinjaValue;
}

interface JinjaLibrary {
  readonly Environment: new (parent?: JinjaEnvironment) => JinjaEnvironment;
  readonly Interpreter: new (environment: JinjaEnvironment) => JinjaInterpreter;
  tokenize(
    source: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ): JinjaToken[];
  parse(tokens: readonly JinjaToken[]): JinjaNode;
}

/**
 * The Jinja library with types. Its own declarations import without file extensions, so that under
 * `nodenext` they resolve to nothing; this is the one place that says what they mean.
 */
export const jinja: JinjaLibrary = library;

type ValueClass = new (value: unknown) => JinjaValue;

/** The library's classes, which it does not export, taken from values that it makes. */
const classOf = (value: unknown): ValueClass =>
  new jinja.Environment().set("value", value).constructor as unknown as ValueClass;
const StringValue = classOf("");
const IntegerValue = classOf(0);
const FloatValue = classOf(0.5);
const BooleanValue = classOf(true);
const ArrayValue = classOf([]);
const UndefinedValue = classOf(undefined);
const ObjectValue = classOf({});
const FunctionValue = classOf(() => undefined);
const TupleValue = classOfTuple();

/** No plain value becomes a tuple, but a literal does. */
function classOfTuple(): ValueClass {
  const environment = new jinja.Environment();
  const literal = { type: "TupleLiteral", value: [] };
  return new jinja.Interpreter(environment).evaluate(literal, environment)
    .constructor as unknown as ValueClass;
}

/** Makes a plain value one of the library's. */
export function toJinjaValue(value: unknown): JinjaValue {
  if (typeof value === "string") {
    return new StringValue(value);
  }
  if (typeof value === "boolean") {
    return new BooleanValue(value);
  }
  if (value === undefined) {
    return new UndefinedValue(value);
  }
  return Number.isInteger(value) ? new IntegerValue(value) : new jinja.Environment().set("value", value);
}

/** Makes a value of anything that JSON holds, in JavaScript's kinds or in Python's. */
export function toJinjaValueDeep(value: unknown): JinjaValue {
  if (value instanceof PythonFloat) return toJinjaFloat(value.value);
  if (typeof value === "bigint") return new IntegerValue(value);
  if (Array.isArray(value)) return toJinjaList(value.map(toJinjaValueDeep));
  if (typeof value !== "object" || value === null) return toJinjaValue(value);
  const entries = value instanceof Map ? [...(value as ReadonlyMap<string, unknown>)] : Object.entries(value);
  return toJinjaMapping(entries.map(([name, item]) => [name, toJinjaValueDeep(item)]));
}

/** Makes a number that prints with a fraction, such as `2.0`. */
export function toJinjaFloat(value: number): JinjaValue {
  return new FloatValue(value);
}

/** Makes a list of values of the library. */
export function toJinjaList(values: readonly JinjaValue[]): JinjaValue {
  return new ArrayValue(values);
}

/** Makes a list that prints in round brackets. */
export function toJinjaTuple(values: readonly JinjaValue[]): JinjaValue {
  return new TupleValue(values);
}

/** Makes a mapping of values of the library. */
export function toJinjaMapping(entries: readonly (readonly [string, JinjaValue])[]): JinjaValue {
  return new ObjectValue(new Map(entries));
}

/** Makes a function of values of the library. */
export function toJinjaFunction(run: (values: readonly JinjaValue[]) => JinjaValue): JinjaValue {
  return new FunctionValue(run);
}
