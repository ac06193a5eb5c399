import type { CallArguments } from "../values/call-arguments.ts";
import type { Block, Signature } from "../syntax/nodes.ts";
import { namesIn } from "../syntax/names-in.ts";
import { TemplateError } from "../values/template-error.ts";
import { Dict } from "../values/dict.ts";
import { Tuple, Undefined, valueOr, type Value } from "../values/values.ts";

export interface MacroDefinition {
  readonly name: string;
  readonly signature: Signature;
  readonly body: Block;
}

/** What a macro's parameters are, before its defaults are computed: absent where the call has none. */
export interface MacroArguments {
  readonly parameters: readonly (readonly [name: string, value: Value | undefined])[];
  /** `caller`, `varargs` and `kwargs`, where the macro uses them. */
  readonly special: readonly (readonly [name: string, value: Value])[];
}

/** Distributes a call's arguments as Jinja does. */
export function createMacroBinder({
  name,
  signature,
  body,
}: MacroDefinition): (args: CallArguments) => MacroArguments {
  const names = signature.parameters.map((parameter) => parameter.name);
  const used = namesIn(body, ["caller", "varargs", "kwargs"]);
  const takesCaller = used.has("caller") && !names.includes("caller");
  const takesRest = used.has("varargs") && !names.includes("varargs");
  const takesNamed = used.has("kwargs") && !names.includes("kwargs");
  return ({ positional, named }) => {
    const left = new Map(named);
    const parameters = names.map((parameter, index) => {
      const value = index < positional.length ? positional[index] : left.get(parameter);
      if (index >= positional.length) left.delete(parameter);
      return [parameter, value] as const;
    });
    const special: [string, Value][] = [];
    if (takesCaller) {
      special.push(["caller", valueOr(left.get("caller"), new Undefined("No caller defined"))]);
      left.delete("caller");
    }
    if (takesNamed) {
      special.push(["kwargs", new Dict(left)]);
    } else if (left.size > 0) {
      throw new TemplateError(`macro '${name}' takes no keyword argument '${[...left.keys()][0]}'`);
    }
    if (takesRest) {
      special.push(["varargs", new Tuple(positional.slice(names.length))]);
    } else if (positional.length > names.length) {
      throw new TemplateError(`macro '${name}' takes not more than ${names.length} argument(s)`);
    }
    return { parameters, special };
  };
}
