import { JsonScanner } from "../../files/json-scanner.ts";
import { PythonFloat } from "./python-float.ts";

/** A JSON value in Python's types: an `int` is a number where that is exact, else a bigint. */
export type PythonJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | PythonFloat
  | readonly PythonJson[]
  | ReadonlyMap<string, PythonJson>;

const maxDepth = 512;
/** Python's own limit. */
const maxDigits = 4300;
const numberPattern = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const constantPattern = /null|true|false|NaN|-?Infinity/y;
const constants: ReadonlyMap<string, PythonJson> = new Map<string, PythonJson>([
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", new PythonFloat(Number.NaN)],
  ["Infinity", new PythonFloat(Infinity)],
  ["-Infinity", new PythonFloat(-Infinity)],
]);

/**
 * Reads JSON as Python's `json.loads` does: keys keep their order, the last value of a repeated key is at the
 * position of the first, integers are exact, `1.0` stays a float, and `NaN` and `Infinity` are numbers.
 * @throws JsonSyntaxError
 */
export function readPythonJson(text: string): PythonJson {
  const scanner = new JsonScanner(text);
  const value = readValue(scanner, 0);
  scanner.readEnd();
  return value;
}

function readValue(scanner: JsonScanner, depth: number): PythonJson {
  const first = scanner.peek();
  if (first === '"') return scanner.readString();
  if (first !== "{" && first !== "[") return readScalar(scanner);
  if (depth === maxDepth) throw scanner.error(`at most ${maxDepth} levels`, "more");
  if (first === "[") {
    const items: PythonJson[] = [];
    scanner.readItems("[]", () => items.push(readValue(scanner, depth + 1)));
    return items;
  }
  const members = new Map<string, PythonJson>();
  scanner.readItems("{}", () => {
    const name = scanner.readString();
    scanner.expect(":");
    members.set(name, readValue(scanner, depth + 1));
  });
  return members;
}

function readScalar(scanner: JsonScanner): PythonJson {
  const constant = scanner.tryMatch(constantPattern)?.[0];
  if (constant !== undefined) return constants.get(constant) ?? null;
  const [all, integer = "", fraction, exponent] = scanner.match(numberPattern, "a value");
  if (integer.length > maxDigits) throw scanner.error(`an integer of at most ${maxDigits} digits`, "more");
  if (fraction !== undefined || exponent !== undefined) return new PythonFloat(Number(all));
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number + 0 : BigInt(integer);
}
