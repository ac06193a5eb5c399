import * as library from "@huggingface/jinja";

/** A value while a template runs. */
export interface JinjaValue {
  readonly value: unknown;
}

/** A scope of variables. */
export interface JinjaEnvironment {
  set(name: string, value: unknown): unknown;
}

export interface JinjaInterpreter {
  evaluate(statement: unknown, environment: JinjaEnvironment): JinjaValue;
  run(program: unknown): JinjaValue;
}

interface JinjaLibrary {
  readonly Environment: new (parent?: JinjaEnvironment) => JinjaEnvironment;
  readonly Interpreter: new (environment: JinjaEnvironment) => JinjaInterpreter;
  tokenize(
    source: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ): unknown;
  parse(tokens: unknown): unknown;
}

/**
 * The Jinja library with types. Its own declarations import without file extensions, so that under
 * `nodenext` they resolve to nothing; this is the one place that says what they mean.
 */
export const jinja: JinjaLibrary = library;
