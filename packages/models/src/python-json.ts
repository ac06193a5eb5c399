import type { JinjaValue } from "./jinja-library.ts";
import { floatJson } from "./python-float.ts";
import { entriesOf, itemsOf, kindOf } from "./python-values.ts";

/** How `pythonJson` writes. */
export interface JsonStyle {
  /** Spaces for each level, or the text of one; all on one line where absent. */
  readonly indent?: number | string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly isAscii: boolean;
  readonly hasSortedKeys: boolean;
}

/** Writes a value as Python's `json.dumps` does, spaces and fractions included. */
export function pythonJson(value: JinjaValue, style: JsonStyle): string {
  return write(value, style, "\n");
}

function write(value: JinjaValue, style: JsonStyle, line: string): string {
  switch (kindOf(value)) {
    case "none":
      return "null";
    case "text":
      return jsonText(String(value.value), style);
    case "number":
      return value.type === "FloatValue" ? floatJson(Number(value.value)) : String(value.value);
    case "list":
      return enclose(
        "[]",
        itemsOf(value).map((item) => write(item, style, deeper(style, line))),
        { style, line },
      );
    case "mapping": {
      const entries = [...entriesOf(value)];
      if (style.hasSortedKeys) {
        entries.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
      }
      const parts = entries.map(
        ([name, item]) =>
          jsonText(name, style) + style.keySeparator + write(item, style, deeper(style, line)),
      );
      return enclose("{}", parts, { style, line });
    }
    case "undefined":
    case "other":
      throw new Error(
        `wanted a value that JSON has, found ${value.type.replace(/Value$/, "").toLowerCase()}`,
      );
  }
}

function deeper({ indent }: JsonStyle, line: string): string {
  return line + (typeof indent === "number" ? " ".repeat(indent) : (indent ?? ""));
}

function enclose(
  brackets: string,
  parts: readonly string[],
  { style, line }: { readonly style: JsonStyle; readonly line: string },
): string {
  const isSpread = style.indent !== undefined && parts.length > 0;
  const [before, after] = isSpread ? [deeper(style, line), line] : ["", ""];
  const text = parts.join(style.itemSeparator + before);
  return `${brackets[0]}${before}${text}${after}${brackets[1]}`;
}

function jsonText(text: string, { isAscii }: JsonStyle): string {
  const quoted = JSON.stringify(text);
  return isAscii
    ? quoted.replaceAll(
        /[\u007F-\uFFFF]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
    : quoted;
}
