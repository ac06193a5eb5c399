import { createGlobals } from "../library/globals.ts";
import type { TemplateNode } from "../syntax/nodes.ts";
import { BlockRunner } from "./run-block.ts";
import { Runtime } from "./runtime.ts";
import { Scope } from "./scope.ts";
import { TemplateError, TemplateRaised } from "../values/template-error.ts";
import { toValue } from "../values/to-value.ts";
import type { PythonObject } from "../values/values.ts";

/** A rendering that failed. */
export class RenderingFailure extends Error {
  override readonly name: string = "RenderingFailure";
  /** The line in the template, from 1. */
  readonly line: number;

  constructor(line: number, cause: Error) {
    super(cause.message, { cause });
    this.line = line;
  }
}

export interface RenderingInput {
  readonly variables: Iterable<readonly [string, unknown]>;
  /** The time of `strftime_now`. */
  readonly date: Date;
}

/**
 * Renders a parsed template. Variables shadow globals.
 * @throws RenderingFailure
 */
export function renderTemplate(template: TemplateNode, { variables, date }: RenderingInput): string {
  const runtime = new Runtime();
  try {
    const globals = new Scope();
    for (const [name, value] of createGlobals(date, runtime)) globals.set(name, value);
    const root = new Scope(globals);
    for (const [name, value] of variables) root.set(name, toValue(value));
    const runner = new BlockRunner(runtime, root);
    globals.set(
      "self",
      blocksOf(template, (name) => runner.render(template.blocks.get(name) ?? [], new Scope(root))),
    );
    return runner.render(template.body, root);
  } catch (error) {
    throw new RenderingFailure(runtime.line, templateErrorOf(error));
  }
}

/** Creates `self`, whose methods render the named blocks again. */
function blocksOf({ blocks }: TemplateNode, render: (name: string) => string): PythonObject {
  return {
    typeName: "TemplateReference",
    attribute: (name) =>
      blocks.has(name) ? { typeName: "BlockReference", call: () => render(name) } : undefined,
  };
}

/** Replaces JavaScript's own errors, which say nothing about the template. */
function templateErrorOf(error: unknown): Error {
  if (error instanceof TemplateError || error instanceof TemplateRaised) return error;
  if (error instanceof RangeError) {
    return new TemplateError("expected less nesting or shorter texts, got a RangeError", { cause: error });
  }
  return new TemplateError("expected an operation that the engine supports, got another", { cause: error });
}
