import { elementsOf, type Instruction } from "./ptx-module.ts";
import { cppTypeOf, type Values, type Writer } from "./values.ts";

/** Numbers the accesses of an entry: each remembers the allocation that it found last. */
export type SiteCounter = () => number;

const spaces = ["param", "global", "shared", "local", "const"] as const;

export function spaceOf({ parts }: Instruction): string {
  const found = spaces.find((space) => parts.some((part) => part === space || part.startsWith(`${space}::`)));
  return found ?? "generic";
}

/** A pointer to `bytes` that may be accessed. */
function pointer(
  { space, operand, type, count }: { space: string; operand: string; type: string; count: number },
  { address }: Values,
  nextSite: SiteCounter,
): string {
  const at = address(operand);
  const cpp = cppTypeOf(type);
  if (space === "shared") return `B.shared_at<${cpp}, ${count}>(${at})`;
  if (space === "local") return `B.local_at<${cpp}, ${count}>(${at}, X)`;
  const find = space === "generic" ? "generic_at" : "global_at";
  return `B.${find}<${cpp}, ${count}>(${at}, ${nextSite()}${space === "generic" ? ", X" : ""})`;
}

function writeLoad(instruction: Instruction, values: Values, nextSite: SiteCounter): string | undefined {
  const { parts, operands } = instruction;
  const [to = "", from = ""] = operands;
  const type = parts.at(-1) ?? "";
  const space = spaceOf(instruction);
  const targets = elementsOf(to);
  if (space === "param") {
    const name = from.slice(1, -1).trim();
    const index = values.entry.parameters.findIndex((parameter) => parameter.name === name);
    if (index < 0 || targets.length > 1) return undefined;
    return values.assign(to, type, `B.parameter<${cppTypeOf(type)}>(${index})`);
  }
  const at = pointer({ space, operand: from, type, count: targets.length }, values, nextSite);
  const loads = targets.map((target, index) => values.assign(target, type, `at[${index}]`));
  return `{ const ${cppTypeOf(type)} *at = ${at}; ${loads.join(" ")} }`;
}

function writeStore(instruction: Instruction, values: Values, nextSite: SiteCounter): string | undefined {
  const { parts, operands } = instruction;
  const [to = "", from = ""] = operands;
  const type = parts.at(-1) ?? "";
  const sources = elementsOf(from);
  const at = pointer(
    { space: spaceOf(instruction), operand: to, type, count: sources.length },
    values,
    nextSite,
  );
  const stores = sources.map((source, index) => `at[${index}] = ${values.read(source, type)};`);
  return `{ ${cppTypeOf(type)} *at = ${at}; ${stores.join(" ")} }`;
}

const atomicOperations = new Set(["add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"]);

/** `atom` returns what was there, `red` does not. */
function writeAtomic(instruction: Instruction, values: Values, nextSite: SiteCounter): string | undefined {
  const { parts, operands } = instruction;
  const isReduction = parts[0] === "red";
  const operation = parts.find((part) => atomicOperations.has(part)) ?? "";
  const type = parts.at(-1) ?? "";
  if (operation === "" || /16/u.test(type)) return undefined;
  const to = isReduction ? undefined : operands[0];
  const [operand = "", ...from] = isReduction ? operands : operands.slice(1);
  const at = pointer({ space: spaceOf(instruction), operand, type, count: 1 }, values, nextSite);
  const given = from.map((value) => values.read(value, type)).join(", ");
  const value = `atomic_${operation}<${cppTypeOf(type)}>(${at}, ${given})`;
  return to === undefined ? `${value};` : values.assign(to, type, value);
}

/** Copies to shared memory that land when they are waited for. */
function writeAsyncCopy(instruction: Instruction, values: Values, nextSite: SiteCounter): string | undefined {
  const { opcode, operands } = instruction;
  if (opcode === "cp.async.commit_group") return "B.copy_commit();";
  if (opcode === "cp.async.wait_group") return `B.copy_wait(${operands[0] ?? ""});`;
  if (opcode === "cp.async.wait_all") return "B.copy_commit(); B.copy_wait(0);";
  if (!/^cp\.async\.c[ag]\.shared\.global/u.test(opcode) || opcode.includes("cache_hint")) return undefined;
  const [to = "", from = "", bytes = "", valid = bytes] = operands;
  const { address, read } = values;
  return `B.copy_queue<${bytes}>(${address(to)}, ${address(from)}, ${read(valid, "u32")}, ${nextSite()});`;
}

/** Accesses to memory by the first part of the opcode. */
export function createMemoryWriters(nextSite: SiteCounter): Readonly<Record<string, Writer>> {
  const nothing: Writer = () => "";
  return {
    ld: (instruction, values) => writeLoad(instruction, values, nextSite),
    ldu: (instruction, values) => writeLoad(instruction, values, nextSite),
    st: (instruction, values) => writeStore(instruction, values, nextSite),
    atom: (instruction, values) => writeAtomic(instruction, values, nextSite),
    red: (instruction, values) => writeAtomic(instruction, values, nextSite),
    cp: (instruction, values) => writeAsyncCopy(instruction, values, nextSite),
    membar: nothing,
    fence: nothing,
    prefetch: nothing,
    nanosleep: nothing,
    trap: () => "B.trap();",
    createpolicy: ({ operands: [to = ""] }, { assign }) => assign(to, "u64", "0"),
  };
}
