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

interface JinjaInterpreter {
  evaluate(node: unknown, environment: JinjaEnvironment): JinjaValue;
  /** Runs statements one after the other and joins what they print. Not in the library's declarations. */
  evaluateBlock(nodes: readonly JinjaNode[], environment: JinjaEnvironment): JinjaValue;
  run(program: unknown): JinjaValue;
}

interface JinjaLibrary {
  readonly Environment: new (parent?: JinjaEnvironment) => JinjaEnvironment;
  readonly Interpreter: new (environment: JinjaEnvironment) => JinjaInterpreter;
  tokenize(
    source: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ): unknown;
  parse(tokens: unknown): JinjaNode;
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
const BooleanValue = classOf(true);
const UndefinedValue = classOf(undefined);
const ObjectValue = classOf({});

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

/** Makes a mapping of values of the library. */
export function toJinjaMapping(entries: readonly (readonly [string, JinjaValue])[]): JinjaValue {
  return new ObjectValue(new Map(entries));
}
