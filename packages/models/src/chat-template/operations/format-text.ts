import type { CallArguments } from "../values/call-arguments.ts";
import { formatFloat, formatInteger, formatText, parseFormatSpec } from "./format-spec.ts";
import { PythonFloat } from "../values/python-float.ts";
import { pythonRepr, pythonText } from "../values/python-text.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isInteger, typeName, Undefined, type Value } from "../values/values.ts";

const maxFieldDepth = 2;

/** Python's `text.format(…)`. @throws TemplateError */
export function formatFields(text: string, args: CallArguments, rendering: Rendering): string {
  const formatter = new Formatter(args, rendering);
  return formatter.format(text, maxFieldDepth);
}

class Formatter {
  readonly #args: CallArguments;
  readonly #rendering: Rendering;
  #nextIndex = 0;

  constructor(args: CallArguments, rendering: Rendering) {
    this.#args = args;
    this.#rendering = rendering;
  }

  format(text: string, depth: number): string {
    const { budget } = this.#rendering;
    if (depth === 0) throw new TemplateError("Max string recursion exceeded");
    let result = "";
    const braces = /[{}]/g;
    for (let at = 0; at < text.length;) {
      braces.lastIndex = at;
      const brace = braces.exec(text)?.index ?? text.length;
      result += text.slice(at, brace);
      if (brace === text.length) break;
      if (text[brace] === text[brace + 1]) {
        result += text[brace];
        at = brace + 2;
        continue;
      }
      if (text[brace] === "}") throw new TemplateError("Single '}' encountered in format string");
      const end = fieldEnd(text, brace);
      result += budget.text(this.#formatField(text.slice(brace + 1, end), depth));
      budget.step();
      at = end + 1;
    }
    return budget.text(result);
  }

  #formatField(field: string, depth: number): string {
    const { budget } = this.#rendering;
    const [, path = "", conversion, spec = ""] = /^([^!:]*)(?:!(.))?(?::(.*))?$/su.exec(field) ?? [];
    let value = this.#resolve(path);
    if (conversion === "r" || conversion === "a") value = pythonRepr(value, budget);
    else if (conversion === "s") value = pythonText(value, budget);
    else if (conversion !== undefined) throw new TemplateError(`Unknown conversion specifier ${conversion}`);
    return this.#write(value, spec.includes("{") ? this.format(spec, depth - 1) : spec);
  }

  #write(value: Value, spec: string): string {
    const { budget } = this.#rendering;
    if (isInteger(value) || typeof value === "boolean") {
      if (typeof value === "boolean" && spec === "") return pythonText(value, budget);
      const integer = typeof value === "boolean" ? Number(value) : value;
      const parsed = parseFormatSpec(spec, true);
      return /[eEfFgG%]/.test(parsed.type)
        ? formatFloat(Number(integer), parsed, budget)
        : formatInteger(integer, parsed, budget);
    }
    if (value instanceof PythonFloat) return formatFloat(value.value, parseFormatSpec(spec, true), budget);
    if (typeof value === "string") {
      const parsed = parseFormatSpec(spec, false);
      if (parsed.type !== "" && parsed.type !== "s") {
        throw new TemplateError(
          `Unknown format code ${JSON.stringify(parsed.type)} for object of type 'str'`,
        );
      }
      return formatText(value, parsed, budget);
    }
    if (spec !== "") {
      throw new TemplateError(
        `expected no format specification for ${typeName(value)}, got ${JSON.stringify(spec)}`,
      );
    }
    return pythonText(value, budget);
  }

  #resolve(path: string): Value {
    const [, head = "", tail = ""] = /^([^.[]*)(.*)$/su.exec(path) ?? [];
    let value = this.#argument(head);
    for (const [, name, key] of tail.matchAll(/\.([^.[]+)|\[([^\]]+)\]/gu)) {
      value =
        name === undefined
          ? this.#rendering.item(value, /^\d+$/.test(key ?? "") ? Number(key) : (key ?? ""))
          : this.#rendering.attribute(value, name);
      if (value instanceof Undefined) throw value.error();
    }
    return value;
  }

  #argument(name: string): Value {
    const index = name === "" ? (this.#nextIndex += 1) - 1 : /^\d+$/.test(name) ? Number(name) : undefined;
    const value = index === undefined ? this.#args.named.get(name) : this.#args.positional[index];
    if (value === undefined) throw new TemplateError(`expected an argument for {${name}}, got none`);
    return value;
  }
}

function fieldEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && (depth -= 1) === 0) return at;
  }
  throw new TemplateError("expected '}' before end of string");
}
