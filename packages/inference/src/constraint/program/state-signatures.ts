import { hash } from "node:crypto";
import { type ConstraintProgram, moveKinds } from "./program.ts";

/** Signatures of larger programs are not worked out. */
const maxStates = 20_000;

/**
 * For each state, a text that is equal only for states from which the same can be read, in whatever program: a digest
 * of all that can be reached. `undefined` for a program that is too large.
 */
export function signaturesOf(program: ConstraintProgram): readonly string[] | undefined {
  if (program.stateCount > maxStates) return undefined;
  const signatures: string[] = Array.from({ length: program.stateCount }, () => "");
  for (const component of componentsOf(program)) sign(program, component, signatures);
  return signatures;
}

/** Where a state leads by its edges and moves, with the rules that it calls. */
function targetsOf(program: ConstraintProgram, state: number): number[] {
  const { edgeStarts, edgeTargets, moveStarts, moveTargets, moveLows, ruleStarts } = program;
  const targets = Array.from(edgeTargets.subarray(edgeStarts[state], edgeStarts[state + 1]));
  for (let move = moveStarts[state]!; move < moveStarts[state + 1]!; move += 1) {
    targets.push(moveTargets[move]!);
    if (program.moveKinds[move] === moveKinds.call) targets.push(ruleStarts[moveLows[move]!]!);
  }
  return targets;
}

/**
 * Signs the states that lead to each other: what each reads is written with the numbers in which they are found, from
 * the first of them on, and with the signatures of all others.
 */
function sign(program: ConstraintProgram, component: readonly number[], signatures: string[]): void {
  const members = new Set(component);
  const numbers = new Map([[Math.min(...component), 0]]);
  const nameOf = (target: number): string => {
    if (!members.has(target)) return signatures[target]!;
    let number = numbers.get(target);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(target, number);
    }
    return `#${number}`;
  };
  const parts: (number | string)[] = [];
  for (const state of numbers.keys()) writeState(program, state, { parts, nameOf });
  const digest = hash("sha256", parts.join(","), "base64");
  if (component.length === 1) {
    signatures[component[0]!] = digest;
    return;
  }
  for (const [state, number] of numbers) signatures[state] = `${digest}${number}`;
}

function writeState(
  program: ConstraintProgram,
  state: number,
  { parts, nameOf }: { readonly parts: (number | string)[]; readonly nameOf: (target: number) => string },
): void {
  parts.push(program.accepts[state] === 1 ? "!" : ";");
  for (let edge = program.edgeStarts[state]!; edge < program.edgeStarts[state + 1]!; edge += 1) {
    parts.push(program.edgeLows[edge]!, program.edgeHighs[edge]!, nameOf(program.edgeTargets[edge]!));
  }
  for (let move = program.moveStarts[state]!; move < program.moveStarts[state + 1]!; move += 1) {
    const kind = program.moveKinds[move]!;
    const low = program.moveLows[move]!;
    const high = program.moveHighs[move]!;
    parts.push("m", kind, nameOf(program.moveTargets[move]!));
    if (kind === moveKinds.tick) parts.push(low, high);
    if (kind !== moveKinds.call) continue;
    parts.push(nameOf(program.ruleStarts[low]!));
    if (high !== -1) parts.push(program.counterMins[high]!, program.counterMaxes[high]!);
  }
}

/** A state that is being visited, with its targets that were not looked at yet. */
interface Visit {
  readonly state: number;
  readonly targets: number[];
}

/** The sets of states that lead to each other, each after those that it leads to (Tarjan's algorithm). */
function* componentsOf(program: ConstraintProgram): Generator<readonly number[]> {
  const order = new Int32Array(program.stateCount).fill(-1);
  const lowest = new Int32Array(program.stateCount);
  const isOpen = new Uint8Array(program.stateCount);
  const open: number[] = [];
  const visits: Visit[] = [];
  let count = 0;
  const begin = (state: number): void => {
    order[state] = count;
    lowest[state] = count;
    count += 1;
    isOpen[state] = 1;
    open.push(state);
    visits.push({ state, targets: targetsOf(program, state) });
  };
  for (let start = 0; start < program.stateCount; start += 1) {
    if (order[start] === -1) begin(start);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const { state, targets } = visit;
      const target = targets.pop();
      if (target !== undefined) {
        if (order[target] === -1) begin(target);
        else if (isOpen[target] === 1) lowest[state] = Math.min(lowest[state]!, order[target]!);
        continue;
      }
      visits.pop();
      const parent = visits.at(-1)?.state;
      if (parent !== undefined) lowest[parent] = Math.min(lowest[parent]!, lowest[state]!);
      if (lowest[state] !== order[state]) continue;
      const component = open.splice(open.lastIndexOf(state));
      for (const member of component) isOpen[member] = 0;
      yield component;
    }
  }
}
