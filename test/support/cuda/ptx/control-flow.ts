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

/** The blocks that may follow each block, by number. */
function findNext(blocks: readonly FlowBlock[]): readonly (readonly number[])[] {
  const places = new Map(
    blocks.flatMap(({ labels }, index) => labels.map((label) => [label, index] as const)),
  );
  return blocks.map(({ instructions }, index) => {
    const last = instructions.at(-1);
    const targets: number[] = [];
    const isJump = last !== undefined && /^(?:bra|ret|exit)\b/u.test(last.opcode);
    if (last !== undefined && last.opcode.startsWith("bra")) {
      const place = places.get(branchTarget(last));
      if (place === undefined) throw new Error(`expected a label of the entry, got ${branchTarget(last)}`);
      targets.push(place);
    }
    if ((!isJump || last?.guard !== undefined) && index + 1 < blocks.length) targets.push(index + 1);
    return targets;
  });
}

/** The registers that are live at the start and at the end of each block. */
export function findLive(
  blocks: readonly FlowBlock[],
  registers: ReadonlyMap<string, string>,
): { readonly atStart: readonly ReadonlySet<string>[]; readonly atEnd: readonly ReadonlySet<string>[] } {
  const next = findNext(blocks);
  const used: Set<string>[] = [];
  const defined: Set<string>[] = [];
  for (const { instructions } of blocks) {
    const reads = new Set<string>();
    const writes = new Set<string>();
    for (const instruction of instructions) {
      const effects = effectsOf(instruction, registers);
      for (const register of effects.reads) if (!writes.has(register)) reads.add(register);
      for (const register of effects.writes) writes.add(register);
    }
    used.push(reads);
    defined.push(writes);
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

/** Blocks that run again and again, by number; all other ways into them lead to the first one. */
export interface Loop {
  readonly first: number;
  readonly blocks: ReadonlySet<number>;
}

/** Finds the natural loops of an entry, outer ones before those within them. */
export function findLoops(blocks: readonly FlowBlock[]): readonly Loop[] {
  const next = findNext(blocks);
  const before = blocks.map((_, at) => next.flatMap((targets, from) => (targets.includes(at) ? [from] : [])));
  // Those through which every way from the start to a block leads.
  const all = new Set(blocks.keys());
  const dominators = blocks.map((_, at) => (at === 0 ? new Set([0]) : all));
  for (let hasChanged = true; hasChanged;) {
    hasChanged = false;
    for (const [at, own] of dominators.entries()) {
      const sets = (before[at] ?? []).map((from) => dominators[from] ?? all);
      const left = [...own].filter((each) => each === at || sets.every((set) => set.has(each)));
      if (at === 0 || left.length === own.size) continue;
      dominators[at] = new Set(left);
      hasChanged = true;
    }
  }
  const loops = new Map<number, Set<number>>();
  for (const [end, targets] of next.entries()) {
    for (const first of targets.filter((target) => dominators[end]?.has(target))) {
      const found = loops.get(first) ?? new Set([first]);
      loops.set(first, found);
      const open = [end];
      for (let at = open.pop(); at !== undefined; at = open.pop()) {
        if (found.has(at)) continue;
        found.add(at);
        open.push(...(before[at] ?? []));
      }
    }
  }
  const list = [...loops].map(([first, members]) => ({ first, blocks: members }));
  return list.toSorted((a, b) => b.blocks.size - a.blocks.size);
}
