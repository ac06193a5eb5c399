import { bindArguments, type CallArguments } from "../values/call-arguments.ts";
import { integerArgument } from "./filter-support.ts";
import { limits } from "../values/limits.ts";
import { createNamespace, dictOf } from "./namespace.ts";
import type { Rendering } from "../values/rendering.ts";
import { strftime } from "./strftime.ts";
import { TemplateError, TemplateLimitError, TemplateRaised } from "../values/template-error.ts";
import { Range, type PythonObject, type Value } from "../values/values.ts";

/** Creates the global functions of templates. */
export function createGlobals(date: Date, rendering: Rendering): ReadonlyMap<string, Value> {
  const { budget } = rendering;
  const globals: readonly (readonly [string, (args: CallArguments) => Value])[] = [
    ["range", createRange],
    ["dict", (args) => dictOf(args, "dict")],
    ["namespace", (args) => createNamespace(args, rendering)],
    ["cycler", ({ positional }) => createCycler(positional)],
    ["joiner", (args) => createJoiner(args)],
    [
      "raise_exception",
      (args) => {
        const [message = null] = bindArguments(args, {
          name: "raise_exception",
          parameters: ["message"],
          required: 1,
        });
        throw new TemplateRaised(rendering.text(message));
      },
    ],
    [
      "strftime_now",
      (args) => {
        const [format = null] = bindArguments(args, {
          name: "strftime_now",
          parameters: ["format"],
          required: 1,
        });
        return budget.text(strftime(date, rendering.text(format)));
      },
    ],
  ];
  return new Map(globals.map(([name, call]) => [name, { typeName: "function", call }]));
}

function createRange(args: CallArguments): Value {
  const bounds = args.positional.map((bound) => integerArgument(bound, 0));
  if (args.named.size > 0 || bounds.length === 0 || bounds.length > 3) {
    throw new TemplateError(
      `range: expected one to three ints, got ${bounds.length + args.named.size} arguments`,
    );
  }
  const [first = 0, second, step = 1] = bounds;
  if (step === 0) throw new TemplateError("range() arg 3 must not be zero");
  const range = second === undefined ? new Range(0, first, 1) : new Range(first, second, step);
  if (!(range.length <= limits.rangeLength)) {
    throw new TemplateLimitError("items in a range", limits.rangeLength);
  }
  return range;
}

function createCycler(items: readonly Value[]): PythonObject {
  if (items.length === 0) throw new TemplateError("at least one item has to be provided");
  let at = 0;
  const current = (): Value => items[at] ?? null;
  const next = (): Value => {
    const value = current();
    at = (at + 1) % items.length;
    return value;
  };
  const reset = (): Value => {
    at = 0;
    return null;
  };
  return {
    typeName: "Cycler",
    attribute: (name) =>
      name === "current"
        ? current()
        : name === "next"
          ? { typeName: "method", call: next }
          : name === "reset"
            ? { typeName: "method", call: reset }
            : undefined,
  };
}

function createJoiner(args: CallArguments): PythonObject {
  const [separator = ", "] = bindArguments(args, { name: "joiner", parameters: ["sep"] });
  let isUsed = false;
  return {
    typeName: "Joiner",
    call: () => {
      const text = isUsed ? separator : "";
      isUsed = true;
      return text;
    },
  };
}
