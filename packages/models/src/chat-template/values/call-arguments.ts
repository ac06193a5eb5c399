import { TemplateError } from "./template-error.ts";
import type { Value } from "./values.ts";

/** The arguments of a function, a filter or a test. */
export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export const noArguments: CallArguments = { positional: [], named: new Map() };

/** Parameters in order; those from `required` on are optional. */
export interface Parameters {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly required?: number;
}

/** Finds the argument of each parameter. @throws TemplateError */
export function bindArguments(args: CallArguments, to: Parameters): (Value | undefined)[] {
  const { name, parameters, required = 0 } = to;
  if (args.positional.length > parameters.length) {
    throw new TemplateError(
      `${name}: expected at most ${parameters.length} arguments, got ${args.positional.length}`,
    );
  }
  const bound: (Value | undefined)[] = parameters.map((_, index) => args.positional[index]);
  for (const [parameter, value] of args.named) {
    const index = parameters.indexOf(parameter);
    if (index < 0) throw new TemplateError(`${name}: expected no argument "${parameter}", got one`);
    if (bound[index] !== undefined) {
      throw new TemplateError(`${name}: expected "${parameter}" once, got it twice`);
    }
    bound[index] = value;
  }
  for (let index = 0; index < required; index += 1) {
    if (bound[index] === undefined) {
      throw new TemplateError(`${name}: expected an argument "${parameters[index]}", got none`);
    }
  }
  return bound;
}
