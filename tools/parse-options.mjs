// Options of the commands for users: `--help`, and a wrong argument as one line with exit status 2, before anything runs.
import { statSync } from "node:fs";
import { parseArgs } from "node:util";

/** Ends the program with what is wrong with its arguments, in one line. */
export function refuseArguments(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

// What values can be: `read` returns undefined for anything else.

export const integerFrom = (minimum, maximum) => ({
  expected: `an integer from ${minimum} to ${maximum}`,
  read: (text) => {
    const value = /^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN;
    return value >= minimum && value <= maximum ? value : undefined;
  },
});

export const oneOf = (names) => ({
  expected: `one of ${names.join(", ")}`,
  read: (text) => (names.includes(text) ? text : undefined),
});

export const existingFile = {
  expected: "a file",
  read: (path) => (statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined),
};

export const existingFolder = {
  expected: "a folder",
  read: (path) => (statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : undefined),
};

export const anyText = { expected: "a text", read: (text) => (text === "" ? undefined : text) };

function readValue(name, kind, text) {
  const value = text === undefined ? undefined : kind.read(text);
  if (value !== undefined) return value;
  return refuseArguments(
    `${name}: expected ${kind.expected}, got ${text === undefined ? "no value" : `'${text}'`}`,
  );
}

const noPositionals = { name: "arguments", kind: anyText, maximum: 0 };

/**
 * Reads the arguments of the process, or `args`; prints `help` and ends the program where they have `--help`.
 * `options` has for each name a kind of values (`integerFrom`, …), with a `default` where there is one, or `true` for one
 * without a value; `positionals` is what they are called, their kind, and how many there may be.
 */
export function parseOptions({ help, args, options = {}, positionals }) {
  const known = { ...options, help: true };
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, kind]) => [
        name,
        { type: typeof kind === "object" ? "string" : "boolean" },
      ]),
    ),
  });
  if (tokens.some(({ rawName }) => rawName === "--help" || rawName === "-h")) {
    process.stdout.write(help);
    process.exit(0);
  }
  const values = Object.fromEntries(
    Object.entries(options).map(([name, kind]) => [name, kind === true ? false : kind.default]),
  );
  const given = [];
  for (const token of tokens) {
    if (token.kind === "positional") given.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    // Those of one letter are not used, and `name` can be one of Object's own.
    const kind = rawName === `--${name}` && Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      const names = Object.keys(known).map((each) => `--${each}`);
      refuseArguments(`${rawName}: expected one of ${names.join(", ")}, got an unknown option`);
    }
    if (kind === true) {
      if (value !== undefined) refuseArguments(`${rawName}: expected no value, got '${value}'`);
      values[name] = true;
    } else if (token.inlineValue === false && value.startsWith("--")) {
      refuseArguments(`${rawName}: expected ${kind.expected}, got the option '${value}'`);
    } else {
      values[name] = readValue(rawName, kind, value);
    }
  }
  const { name: what, kind, minimum = 0, maximum = Infinity } = positionals ?? noPositionals;
  if (given.length < minimum) refuseArguments(`<${what}>: expected ${kind.expected}, got none`);
  if (given.length > maximum) {
    const expected = maximum === 0 ? "options only" : `${maximum} only`;
    refuseArguments(`<${what}>: expected ${expected}, got '${given.slice(maximum).join(" ")}' too`);
  }
  return { values, positionals: given.map((text) => readValue(`<${what}>`, kind, text)) };
}
