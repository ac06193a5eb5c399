import { elementsOf, type Instruction, type PtxEntry, registersIn } from "./ptx-module.ts";

/** Instructions at which threads meet: of a whole block, or of a warp. */
export type MeetKind = "block" | "warp";

function meetKindOf({ opcode }: Instruction): MeetKind | undefined {
  if (/^(?:bar|barrier)\.sync|^barrier\.cta\.sync/u.test(opcode)) return "block";
  return /^(?:shfl|vote|redux|bar\.warp|ldmatrix|mma|match)\b/u.test(opcode) ? "warp" : undefined;
}

/** What an instruction reads and writes. */
interface Effects {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

const writesNothing =
  /^(?:st|red|bra|bar|barrier|ret|exit|trap|cp|membar|fence|prefetch|prefetchu|nanosleep|discard)\b/u;

function effectsOf(instruction: Instruction, registers: ReadonlyMap<string, string>): Effects {
  const { guard, operands, opcode } = instruction;
  const isWrite = !writesNothing.test(opcode);
  const written = isWrite ? (operands[0] ?? "").replace("|", " ") : "";
  const read = (isWrite ? operands.slice(1) : operands).join(" ");
  const writes = registersIn(written, registers);
  // A guarded instruction may leave its destination as it was.
  const kept = guard === undefined ? [] : [guard.register, ...writes];
  return { reads: [...registersIn(read, registers), ...kept], writes };
}

/** A straight run of instructions; `index` is its place in the entry. */
export interface FlowBlock {
  readonly instructions: readonly Instruction[];
  readonly labels: readonly string[];
  /** Instructions at which all lanes meet are in blocks of their own. */
  readonly meet: MeetKind | undefined;
}

/** The lanes that take part in an instruction of a warp, as an operand. */
export function maskOf({ opcode, operands }: Instruction): string {
  if (/^(?:shfl|vote|redux|bar\.warp|match)/u.test(opcode)) return operands.at(-1) ?? "-1";
  return "-1";
}

/** Whether two instructions of a warp can be done at one meeting, the second right behind the first. */
function canJoin(first: Instruction, second: Instruction): boolean {
  const areSame = first.guard === undefined && second.guard === undefined && maskOf(first) === maskOf(second);
  if (!areSame || meetKindOf(second) !== "warp") return false;
  // Behind a barrier of lanes, and behind reads of shared memory, other lanes may go on first.
  return !first.opcode.startsWith("bar") && !second.opcode.startsWith("bar");
}

/** Splits an entry into blocks. */
export function splitBlocks(entry: PtxEntry): readonly FlowBlock[] {
  const blocks: FlowBlock[] = [];
  let instructions: Instruction[] = [];
  let labels: string[] = [];
  let meet: MeetKind | undefined;
  const close = (): void => {
    if (instructions.length > 0 || labels.length > 0) blocks.push({ instructions, labels, meet });
    instructions = [];
    labels = [];
    meet = undefined;
  };
  for (const statement of entry.statements) {
    if ("label" in statement) {
      if (instructions.length > 0) close();
      labels.push(statement.label);
      continue;
    }
    const kind = meetKindOf(statement);
    const last = instructions.at(-1);
    if (kind !== undefined && meet === "warp" && last !== undefined && canJoin(last, statement)) {
      instructions.push(statement);
      continue;
    }
    if (kind !== undefined || meet !== undefined) close();
    instructions.push(statement);
    meet = kind;
    if (/^(?:bra|ret|exit)\b/u.test(statement.opcode)) close();
  }
  close();
  return blocks;
}

export function branchTarget({ operands }: Instruction): string {
  return elementsOf(operands[0] ?? "")[0] ?? "";
}

/** The registers that are live at the start and at the end of each block. */
export function findLive(
  blocks: readonly FlowBlock[],
  registers: ReadonlyMap<string, string>,
): { readonly atStart: readonly ReadonlySet<string>[]; readonly atEnd: readonly ReadonlySet<string>[] } {
  const places = new Map(
    blocks.flatMap(({ labels }, index) => labels.map((label) => [label, index] as const)),
  );
  const used: Set<string>[] = [];
  const defined: Set<string>[] = [];
  const next: number[][] = [];
  for (const [index, { instructions }] of blocks.entries()) {
    const reads = new Set<string>();
    const writes = new Set<string>();
    for (const instruction of instructions) {
      const effects = effectsOf(instruction, registers);
      for (const register of effects.reads) if (!writes.has(register)) reads.add(register);
      for (const register of effects.writes) writes.add(register);
    }
    used.push(reads);
    defined.push(writes);
    const last = instructions.at(-1);
    const targets: number[] = [];
    const isJump = last !== undefined && /^(?:bra|ret|exit)\b/u.test(last.opcode);
    if (last !== undefined && last.opcode.startsWith("bra")) {
      const place = places.get(branchTarget(last));
      if (place === undefined) throw new Error(`expected a label of the entry, got ${branchTarget(last)}`);
      targets.push(place);
    }
    if ((!isJump || last?.guard !== undefined) && index + 1 < blocks.length) targets.push(index + 1);
    next.push(targets);
  }
  const atStart = blocks.map(() => new Set<string>());
  const atEnd = blocks.map(() => new Set<string>());
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false;
    for (let index = blocks.length - 1; index >= 0; index -= 1) {
      const end = atEnd[index] ?? new Set<string>();
      const start = atStart[index] ?? new Set<string>();
      const before = end.size + start.size;
      for (const target of next[index] ?? []) for (const register of atStart[target] ?? []) end.add(register);
      for (const register of used[index] ?? []) start.add(register);
      for (const register of end) if (!defined[index]?.has(register)) start.add(register);
      hasChanged ||= end.size + start.size !== before;
    }
  }
  return { atStart, atEnd };
}
