import { branchTarget, findLive, type FlowBlock, maskOf, splitBlocks } from "./control-flow.ts";
import { parsePtx } from "./parse-ptx.ts";
import { type Instruction, type PtxConstant, type PtxEntry, registersIn } from "./ptx-module.ts";
import { cppTypeOf, createValues, fieldOf, type Writer } from "./values.ts";
import { createCountWriter } from "./write-counts.ts";
import { arithmeticWriters } from "./write-arithmetic.ts";
import { conversionWriters } from "./write-conversions.ts";
import { createMemoryWriters } from "./write-memory.ts";
import { writeWarpInstruction } from "./write-warp.ts";

/** Places of an entry's shared arrays, and where its dynamic shared memory begins. */
function placeShared({ shared }: PtxEntry): {
  readonly offsets: ReadonlyMap<string, number>;
  readonly staticBytes: number;
} {
  const offsets = new Map<string, number>();
  let end = 0;
  for (const { name, alignBytes, sizeBytes } of shared) {
    if (sizeBytes === undefined) continue;
    end = Math.ceil(end / alignBytes) * alignBytes;
    offsets.set(name, end);
    end += sizeBytes;
  }
  const dynamicAt = Math.ceil(end / 16) * 16;
  for (const { name, sizeBytes } of shared) if (sizeBytes === undefined) offsets.set(name, dynamicAt);
  return { offsets, staticBytes: shared.some(({ sizeBytes }) => sizeBytes === undefined) ? dynamicAt : end };
}

/** Where threads meet. */
interface Meet {
  readonly block: FlowBlock;
  readonly id: number;
}

function listMeets(blocks: readonly FlowBlock[]): ReadonlyMap<FlowBlock, Meet> {
  const met = blocks.filter(({ meet }) => meet !== undefined);
  return new Map(met.map((block, index) => [block, { block, id: index + 1 }]));
}

/** The registers that outlast any meeting, or are read or written there: they are in the thread's record. */
function listFields(blocks: readonly FlowBlock[], { registers }: PtxEntry): ReadonlySet<string> {
  const fields = new Set<string>();
  const { atEnd } = findLive(blocks, registers);
  for (const [index, { meet, instructions }] of blocks.entries()) {
    if (meet === undefined) continue;
    for (const register of atEnd[index] ?? []) fields.add(register);
    for (const { operands } of instructions) {
      for (const register of registersIn(operands.join(" "), registers)) fields.add(register);
    }
  }
  return fields;
}

function unknownInstruction({ opcode, operands }: Instruction, entry: PtxEntry): Error {
  return new Error(
    `${entry.name}: expected an instruction that the translator knows, got "${opcode} ${operands.join(", ")}"`,
  );
}

export interface TranslateOptions {
  /** Whether accesses to memory are counted (`runtime/counts.hpp`). [false] */
  readonly areCounted?: boolean;
}

/** Writes the C++ of one entry: a record of registers, the run of a thread to its next meeting, and the meetings. */
function translateEntry(
  entry: PtxEntry,
  constants: readonly PtxConstant[],
  { areCounted = false }: TranslateOptions,
): string {
  const { offsets, staticBytes } = placeShared(entry);
  const symbols = new Map<string, string>([...offsets].map(([name, offset]) => [name, `${offset}ull`]));
  for (const { name } of constants) symbols.set(name, `(u64)&constant_${name.replaceAll("$", "_")}[0]`);
  for (const { name } of entry.local) symbols.set(name, `(u64)&X.local_${name.replaceAll("$", "_")}[0]`);
  const blocks = splitBlocks(entry);
  const meets = listMeets(blocks);
  const fields = listFields(blocks, entry);
  const variable = (register: string): string => `${fields.has(register) ? "X." : ""}${fieldOf(register)}`;
  const values = createValues(entry, symbols, variable);
  // Registers are fields of the lanes' records in meetings.
  const lanes = createValues(entry, symbols, (register) => `X[i].${fieldOf(register)}`);
  const counts = areCounted ? createCountWriter(blocks, { values, lanes }) : undefined;
  let siteCount = 0;
  const memory = createMemoryWriters(() => {
    siteCount += 1;
    return siteCount - 1;
  });
  const writers: Readonly<Record<string, Writer>> = { ...arithmeticWriters, ...conversionWriters, ...memory };

  const declare = (register: string): string =>
    `${cppTypeOf(entry.registers.get(register) ?? "")} ${fieldOf(register)}`;
  const guardOf = ({ guard }: Instruction): string =>
    guard === undefined ? "" : `if (${guard.isNegated ? "!" : ""}${variable(guard.register)}) `;

  const lines: string[] = [];
  const writeMeet = ({ block, id }: Meet): void => {
    const [first] = block.instructions;
    if (first === undefined) return;
    const { operands } = first;
    const wait =
      block.meet === "block"
        ? `B.wait_block(${values.read(operands[0] ?? "0", "u32")}, ${operands[1] === undefined ? "0" : values.read(operands[1], "u32")});`
        : `B.wait_warp(${values.read(maskOf(first), "u32")});`;
    const condition = first.guard === undefined ? "" : guardOf(first).trim();
    lines.push(`  ${condition} { ${wait} return ${id}; resume_${id}:; }`);
  };
  const writeStatement = (instruction: Instruction): string => {
    const { opcode, parts } = instruction;
    if (parts[0] === "bra") {
      return `${counts?.branch(instruction) ?? ""}goto ${labelName(branchTarget(instruction))};`;
    }
    if (parts[0] === "ret" || parts[0] === "exit") return "return -1;";
    const statement = writers[parts[0] ?? ""]?.(instruction, values);
    if (statement === undefined) throw unknownInstruction(instruction, entry);
    return opcode === "" ? "" : `${counts?.access(instruction) ?? ""}${statement}`;
  };
  for (const block of blocks) {
    for (const label of block.labels) lines.push(` ${labelName(label)}:;`);
    if (counts !== undefined) lines.push(`  ${counts.run(block)}`);
    const meet = meets.get(block);
    if (meet !== undefined) {
      writeMeet(meet);
    } else {
      for (const instruction of block.instructions) {
        lines.push(`  ${guardOf(instruction)}{ ${writeStatement(instruction)} }`);
      }
    }
    if (counts !== undefined) lines.push(`  ${counts.end(block)}`);
  }

  const cases = [...meets.values()].map(({ block, id }) => {
    const body = block.instructions.map((instruction) => {
      if (block.meet === "block") return "";
      const text = writeWarpInstruction(instruction, lanes);
      if (text === undefined) throw unknownInstruction(instruction, entry);
      return `${counts?.together(instruction) ?? ""}${text === "" ? "" : `{ ${text} }`}`;
    });
    return `  case ${id}: { ${body.join("\n    ")} break; }`;
  });
  const { name } = entry;
  const local = entry.local.map(
    (array) => `alignas(16) u8 local_${array.name.replaceAll("$", "_")}[${array.sizeBytes}];`,
  );
  const variables = [...entry.registers.keys()].filter((register) => !fields.has(register)).toSorted();
  const sizes = entry.parameters.map(({ type }) => Number(/\d+/u.exec(type)?.[0]) / 8);
  return [
    `struct alignas(16) ${name}_record { ${[...local, ...[...fields].toSorted().map((field) => `${declare(field)};`)].join(" ")}${counts?.fields ?? ""} };`,
    `static int ${name}_run(Block &B, void *record, int resume) {`,
    `  ${name}_record &X = *(${name}_record *)record;`,
    ...variables.map((register) => `  ${declare(register)} = 0;`),
    `  switch (resume) { ${[...meets.values()].map(({ id }) => `case ${id}: goto resume_${id};`).join(" ")} }`,
    ...lines,
    "  return -1;",
    "}",
    `static void ${name}_meet(Block &B, int meet, void *records, u32 lanes) {`,
    `  typedef ${name}_record Record;`,
    `  Record *X = (Record *)records;`,
    `  switch (meet) {`,
    ...cases,
    "  }",
    "}",
    ...(counts === undefined ? [] : [counts.table(name)]),
    `static const u8 ${name}_sizes[] = { ${[...sizes, 0].join(", ")} };`,
    `static const char *const ${name}_meets[] = { "start", ${[...meets.values()].map(({ block }) => `"${block.instructions.map(({ opcode }) => opcode).join(" ")}"`).join(", ")} };`,
    `static const bool ${name}_blocks[] = { false, ${[...meets.values()].map(({ block }) => block.meet === "block").join(", ")} };`,
    `static const Kernel ${name}_kernel = { "${name}", ${sizes.length}, ${name}_sizes, ${entry.maxThreads}, ${staticBytes}, sizeof(${name}_record), ${siteCount}, ${name}_run, ${name}_meet, ${name}_meets, ${name}_blocks${areCounted ? `, &${name}_counts` : ""} };`,
    "",
  ].join("\n");
}

const labelName = (label: string): string => `label_${label.replaceAll("$", "_")}`;

function writeConstant({ name, elementType, count, values }: PtxConstant): string {
  const type = cppTypeOf(elementType);
  const list = values.map((value) =>
    /^0[fF]/u.test(value) ? `number(0x${value.slice(2)}u)` : `(${type})${value}`,
  );
  return `alignas(16) static ${type} constant_${name.replaceAll("$", "_")}[${count}] = { ${list.join(", ")} };`;
}

/**
 * Translates PTX to C++ over `runtime/ptx.hpp`.
 * @throws Error that names an instruction or a directive that it does not know
 */
export function translatePtx(source: string, options: TranslateOptions = {}): string {
  const { entries, constants } = parsePtx(source);
  const constantRows = constants.map(({ name }) => {
    const cpp = `constant_${name.replaceAll("$", "_")}`;
    return `{ (u64)&${cpp}[0], sizeof ${cpp} }`;
  });
  const { areCounted = false } = options;
  return [
    ...(areCounted ? ["#define PTX_COUNTS"] : []),
    '#include "ptx.hpp"',
    ...constants.map(writeConstant),
    ...entries.map((entry) => translateEntry(entry, constants, options)),
    `static const Range constant_ranges[] = { ${[...constantRows, "{ 0, 0 }"].join(", ")} };`,
    `static const Kernel *const kernels[] = { ${[...entries.map(({ name }) => `&${name}_kernel`), "nullptr"].join(", ")} };`,
    "MODULE(kernels, constant_ranges)",
    ...(areCounted ? ["COUNTED_MODULE(kernels)"] : []),
    "",
  ].join("\n");
}
