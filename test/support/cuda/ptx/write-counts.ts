import { findLoops, type FlowBlock, branchTarget } from "./control-flow.ts";
import { elementsOf, type Instruction } from "./ptx-module.ts";
import { cppTypeOf, type Values } from "./values.ts";
import { spaceOf } from "./write-memory.ts";

/** What counts a kernel as it runs, as C++; `runtime/counts.hpp` has the functions. */
export interface CountWriter {
  /** Fields of a thread's record: the iteration of each loop. */
  readonly fields: string;
  /** Counts the instructions of a block, at its start. */
  run(block: FlowBlock): string;
  /** Begins the next iteration of a loop, where a branch does, or the end of a block. */
  branch(instruction: Instruction): string;
  end(block: FlowBlock): string;
  /** Counts an access of a thread, right before it. */
  access(instruction: Instruction): string;
  /** Counts an instruction of a warp, right before it. */
  together(instruction: Instruction): string;
  /** What is counted, and the counts. */
  table(name: string): string;
}

const bytesOf = (type: string): string => `sizeof(${cppTypeOf(type)})`;

/** Multiplications and additions of a product of matrices. */
function operationsOf(opcode: string): number {
  const [, m = "0", n = "0", k = "0"] = /^mma\.sync\.aligned\.m(\d+)n(\d+)k(\d+)/u.exec(opcode) ?? [];
  return 2 * Number(m) * Number(n) * Number(k);
}

/** `values` are of a thread that runs, `lanes` of lane i of a warp that meets. */
export function createCountWriter(
  blocks: readonly FlowBlock[],
  { values, lanes }: { readonly values: Values; readonly lanes: Values },
): CountWriter {
  const loops = findLoops(blocks);
  const blockOf = new Map(
    blocks.flatMap((block, at) => block.instructions.map((instruction) => [instruction, at] as const)),
  );
  const labels = new Map(blocks.flatMap((block, at) => block.labels.map((label) => [label, at] as const)));
  const pathOf = (at: number): string =>
    `path(${loops.flatMap((loop) => (loop.blocks.has(at) ? [`X.loop_${loop.first}`] : [])).join(", ")})`;
  const rows: string[] = [];
  const rowOf = ({ line, opcode }: Instruction, isShared: boolean): number =>
    rows.push(`{ ${line}, "${opcode}", ${isShared} }`) - 1;

  const count = (instruction: Instruction, isShared: boolean, [address, bytes]: readonly [string, string]) =>
    `B.counts.access(B.thread, ${rowOf(instruction, isShared)}, ${pathOf(blockOf.get(instruction) ?? 0)}, ${address}, ${bytes}); `;
  const countCopy = (instruction: Instruction): string => {
    const [to = "", from = "", bytes = "", valid = bytes] = instruction.operands;
    if (instruction.operands.length < 3) return "";
    const read = values.read(valid, "u32");
    const shared = count(instruction, true, [values.address(to), bytes]);
    return `${shared}if (${read}) { ${count(instruction, false, [values.address(from), read])}} `;
  };
  const countAccess = (instruction: Instruction): string => {
    const { parts, operands } = instruction;
    const [kind = ""] = parts;
    const space = spaceOf(instruction);
    if (kind === "cp") return countCopy(instruction);
    if (!/^(?:ld|ldu|st|atom|red)$/u.test(kind) || space === "param" || space === "local") return "";
    const hasTarget = kind === "ld" || kind === "ldu" || kind === "atom";
    const [first = "", second = ""] = operands;
    const numbers = kind === "atom" || kind === "red" ? 1 : elementsOf(hasTarget ? first : second).length;
    const address = values.address(hasTarget ? second : first);
    const bytes = `${numbers} * ${bytesOf(parts.at(-1) ?? "")}`;
    if (space !== "generic") return count(instruction, space === "shared", [address, bytes]);
    const inShared = count(instruction, true, [`${address} - B.shared_base()`, bytes]);
    return `if (B.is_shared(${address})) { ${inShared}} else { ${count(instruction, false, [address, bytes])}} `;
  };
  const advance = (from: number, to: number): string => {
    const loop = loops.find(({ first, blocks: members }) => first === to && members.has(from));
    if (loop === undefined) return "";
    const inner = loops.filter((each) => each !== loop && loop.blocks.has(each.first));
    return `X.loop_${loop.first}++; ${inner.map(({ first }) => `X.loop_${first} = ~0u; `).join("")}`;
  };
  return {
    fields: loops.map(({ first }) => ` u32 loop_${first};`).join(""),
    run(block) {
      const at = blocks.indexOf(block);
      if (block.meet === "warp" || block.instructions.length === 0) return "";
      return `B.counts.run(B.thread, ${at}, ${block.instructions.length}, ${pathOf(at)});`;
    },
    branch: (instruction) =>
      advance(blockOf.get(instruction) ?? 0, labels.get(branchTarget(instruction)) ?? 0),
    end: (block) => advance(blocks.indexOf(block), blocks.indexOf(block) + 1),
    access: countAccess,
    together(instruction) {
      const { opcode, operands } = instruction;
      const isProduct = opcode.startsWith("mma");
      const issued = `B.counts.together(1, ${isProduct ? 1 : 0}, ${operationsOf(opcode)}); `;
      if (!opcode.startsWith("ldmatrix")) return issued;
      const given = 8 * elementsOf(operands[0] ?? "").length;
      const mask = given === 32 ? "lanes" : `lanes & ${2 ** given - 1}u`;
      const address = lanes.address(operands[1] ?? "");
      return `${issued}{ u64 at[32]; FOR_LANES(i) at[i] = ${address}; B.counts.add(${rowOf(instruction, true)}, ${mask}, at, 16); } `;
    },
    table(name) {
      return [
        `static const Access ${name}_accesses[] = { ${[...rows, '{ 0, "", false }'].join(", ")} };`,
        `static AccessCounts ${name}_access_counts[${rows.length + 1}];`,
        `static KernelCounts ${name}_counts = { ${name}_accesses, ${rows.length}, 0, 0, 0, ${name}_access_counts };`,
      ].join("\n");
    },
  };
}
