import type { CallArguments } from "../values/call-arguments.ts";
import type { Block, Signature } from "../syntax/nodes.ts";
import { TemplateError } from "../values/template-error.ts";
import { Dict } from "../values/dict.ts";
import { Tuple, Undefined, valueOr, type Value } from "../values/values.ts";

export interface MacroDefinition {
  readonly name: string;
  readonly signature: Signature;
  readonly body: Block;
}

/** A macro's arguments before defaults are evaluated: `undefined` where the call has none. */
export interface MacroArguments {
  readonly parameters: readonly (readonly [name: string, value: Value | undefined])[];
  /** `caller`, `varargs` and `kwargs`, where the macro uses them. */
  readonly special: readonly (readonly [name: string, value: Value])[];
}

/** Creates a function that binds a call's arguments as Jinja does. */
export function createMacroBinder({
  name,
  signature,
  body,
}: MacroDefinition): (args: CallArguments) => MacroArguments {
  const names = signature.parameters.map((parameter) => parameter.name);
  const used = findNames(body, ["caller", "varargs", "kwargs"]);
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

/** Which of some names a block uses, except in macros in it. */
function findNames(block: Block, names: readonly string[]): ReadonlySet<string> {
  const used = new Set<string>();
  const open: unknown[] = [block];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    if (Array.isArray(node)) {
      for (const item of node) if (item !== undefined) open.push(item);
      continue;
    }
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === "macro" || kind === "call-block" || kind === "constant") {
      if (kind === "call-block") open.push((node as { readonly call?: unknown }).call);
      continue;
    }
    if (kind === "name" && typeof name === "string" && names.includes(name)) used.add(name);
    for (const part of Object.values(node)) if (part !== undefined) open.push(part);
  }
  return used;
}
