import { parseArgs, type ParseArgsConfig } from "node:util";

/** What values of options can be, beyond what their defaults say. */
export interface OptionRules {
  /** The least value of numbers. [1; 0 where that is the default] */
  readonly least?: Readonly<Record<string, number>>;
  /** Numbers that have no default. */
  readonly counts?: readonly string[];
  /** Numbers that need not be integers. */
  readonly fractions?: readonly string[];
  /** What the items of a list, or the only one, can be. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
}

type Options = NonNullable<ParseArgsConfig["options"]>;

const isNumbers = (text: unknown): boolean => typeof text === "string" && /^\d+(?:,\d+)*$/.test(text);

/** What is wrong with arguments that `parseArgs` refuses, in one line. */
export function describeRefusal(error: unknown, options: Options = {}): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const [, name = "arguments"] = /'(-[^' ]*)/.exec(message) ?? [];
  const names = Object.keys(options).map((each) => `--${each}`);
  const expected = names.length === 0 ? "an option that --help lists" : `one of ${names.join(", ")}`;
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") return `${name}: expected ${expected}, got an unknown option`;
  return message.replaceAll("\n", " ");
}

/** What is wrong with a value; undefined where nothing is. */
function describeMistake(
  name: string,
  text: string,
  { options, rules }: { readonly options: Options; readonly rules: OptionRules },
): string | undefined {
  const wrong = (expected: string): string => `--${name}: expected ${expected}, got '${text}'`;
  const choices = rules.choices?.[name];
  const fallback = options[name]?.default;
  const isList = typeof fallback === "string" && fallback.includes(",");
  const items = isList ? text.split(",") : [text];
  if (choices !== undefined) {
    if (items.every((item) => choices.includes(item))) return undefined;
    return wrong(`${isList ? "some" : "one"} of ${choices.join(", ")}`);
  }
  if (!isNumbers(fallback) && rules.counts?.includes(name) !== true) return undefined;
  const least = rules.least?.[name] ?? (fallback === "0" ? 0 : 1);
  const isFraction = rules.fractions?.includes(name) === true;
  const pattern = isFraction ? /^\d{1,15}(?:\.\d+)?$/ : /^\d{1,15}$/;
  if (items.every((item) => pattern.test(item) && Number(item) >= least)) return undefined;
  const what = `${isFraction ? "number" : "integer"}${isList ? "s" : ""} of ${least} or more`;
  return wrong(isList ? what : `${isFraction ? "a" : "an"} ${what}`);
}

/**
 * Does what `parseArgs` does, and checks numbers, which are those whose default is one or a list of them. A wrong argument
 * ends the program with one line and exit status 2.
 */
export function parseOptions<const Config extends ParseArgsConfig & { readonly options: Options }>(
  config: Config,
  rules: OptionRules = {},
): ReturnType<typeof parseArgs<Config>> {
  const { options } = config;
  let parsed: ReturnType<typeof parseArgs<Config>>;
  try {
    parsed = parseArgs(config);
  } catch (error) {
    return refuseArguments(describeRefusal(error, options));
  }
  for (const [name, text] of Object.entries(parsed.values)) {
    const mistake = typeof text === "string" ? describeMistake(name, text, { options, rules }) : undefined;
    if (mistake !== undefined) refuseArguments(mistake);
  }
  return parsed;
}

/** Ends the program with what is wrong with its arguments, in one line. */
export function refuseArguments(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
