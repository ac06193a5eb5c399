import type { Instruction, PtxEntry, SharedArray, Statement } from "./ptx-module.ts";

type Body = Pick<PtxEntry, "local" | "registers" | "statements"> & {
  readonly shared: readonly SharedArray[];
};

interface Scope {
  /** Names as written to unique names. */
  readonly names: Map<string, string>;
  /** Prefixes of numbered registers. */
  readonly prefixes: Map<string, { readonly type: string; readonly suffix: string }>;
}

/** Splits at commas outside of braces and brackets. */
function splitOperands(text: string): readonly string[] {
  const operands: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    if (at < text.length && (character !== "," || depth > 0)) continue;
    const operand = text.slice(from, at).trim();
    if (operand !== "") operands.push(operand);
    from = at + 1;
  }
  return operands;
}

/** Parses the body of an entry, which begins in a line: registers in scopes, arrays, labels, instructions. */
export function parseBody(text: string, firstLine: number): Body {
  const registers = new Map<string, string>();
  const statements: Statement[] = [];
  const shared: SharedArray[] = [];
  const local: { name: string; sizeBytes: number }[] = [];
  const scopes: Scope[] = [{ names: new Map(), prefixes: new Map() }];
  let scopeCount = 0;

  const declare = (type: string, list: string): void => {
    const scope = scopes.at(-1) as Scope;
    const suffix = scopes.length === 1 ? "" : `_s${scopeCount}`;
    for (const item of list.split(",").map((name) => name.trim())) {
      const numbered = /^(?<prefix>[%\w$]+)<\d+>$/u.exec(item)?.groups?.["prefix"];
      if (numbered !== undefined) {
        scope.prefixes.set(numbered, { type, suffix });
      } else {
        const unique = `%${item.replace("%", "")}${suffix}`;
        scope.names.set(item, unique);
        registers.set(unique, type);
      }
    }
  };
  const resolve = (token: string): string => {
    const numbered = /^(?<prefix>.*?[^\d])\d+$/u.exec(token)?.groups?.["prefix"] ?? "";
    for (const scope of scopes.toReversed()) {
      const named = scope.names.get(token);
      if (named !== undefined) return named;
      const range = scope.prefixes.get(numbered);
      if (range === undefined) continue;
      const unique = `%${token.replace("%", "")}${range.suffix}`;
      registers.set(unique, range.type);
      return unique;
    }
    return token;
  };
  const addInstruction = (statement: string, line: number): void => {
    const form = /^(?:@(?<not>!?)(?<guard>[%\w$]+)\s+)?(?<opcode>[\w.:]+)\s*(?<operands>.*)$/su.exec(
      statement,
    );
    if (form?.groups === undefined) throw new Error(`expected an instruction, got "${statement}"`);
    const { not, guard, opcode = "", operands = "" } = form.groups;
    const instruction: Instruction = {
      guard: guard === undefined ? undefined : { register: resolve(guard), isNegated: not === "!" },
      opcode,
      parts: opcode.split("."),
      operands: splitOperands(operands.replaceAll(/(?<!\w)%?[A-Za-z_$][\w$]*(?:\.[a-z]+)?/gu, resolve)),
      line,
    };
    statements.push(instruction);
  };
  const addDeclaration = (statement: string): void => {
    const register = /^\.reg\s+\.(?<type>\w+)\s+(?<list>.*)$/su.exec(statement)?.groups;
    if (register !== undefined) return declare(register["type"] ?? "", register["list"] ?? "");
    const array = parseArray(statement);
    if (array?.space === "shared") {
      const { name, alignBytes, sizeBytes } = array;
      shared.push({ name, alignBytes, sizeBytes });
    } else if (array?.space === "local") {
      local.push({ name: array.name, sizeBytes: array.sizeBytes ?? 0 });
    } else if (!statement.startsWith(".pragma")) {
      throw new Error(`expected a known directive, got "${statement}"`);
    }
  };

  let at = 0;
  let line = firstLine;
  const moveTo = (place: number): void => {
    for (; at < place; at += 1) if (text[at] === "\n") line += 1;
  };
  const skipSpace = (): void => {
    while (at < text.length && /\s/u.test(text.charAt(at))) moveTo(at + 1);
  };
  for (skipSpace(); at < text.length; skipSpace()) {
    if (text[at] === "{") {
      scopeCount += 1;
      scopes.push({ names: new Map(), prefixes: new Map() });
      at += 1;
      continue;
    }
    if (text[at] === "}") {
      scopes.pop();
      at += 1;
      continue;
    }
    const label = /^(?<label>[\w$]+):/u.exec(text.slice(at, at + 200))?.groups?.["label"];
    if (label !== undefined) {
      statements.push({ label: scopes.length === 1 ? label : `${label}_s${scopeCount}` });
      at += label.length + 1;
      continue;
    }
    const end = text.indexOf(";", at);
    if (end < 0) throw new Error(`expected ";" after "${text.slice(at, at + 80)}"`);
    const statement = text.slice(at, end).replaceAll(/\s+/gu, " ").trim();
    if (statement.startsWith(".")) addDeclaration(statement);
    else if (statement !== "") addInstruction(statement, line);
    moveTo(end + 1);
  }
  return { registers, statements, shared, local };
}

/** Parses `.shared .align 4 .b8 name[32]` and the like. */
export function parseArray(
  statement: string,
): { space: string; name: string; alignBytes: number; sizeBytes: number | undefined } | undefined {
  const groups =
    /^(?:\.(?:extern|weak)\s+)?\.(?<space>shared|local)\s+\.align\s+(?<align>\d+)\s+\.[busf](?<bits>\d+)\s+(?<name>[\w$]+)(?:\[(?<size>\d*)\])?$/u.exec(
      statement,
    )?.groups;
  if (groups === undefined) return undefined;
  const { space = "", name = "", align, bits, size } = groups;
  const sizeBytes = statement.startsWith(".extern") ? undefined : (Number(size ?? 1) * Number(bits)) / 8;
  return { space, name, alignBytes: Number(align), sizeBytes };
}
