import { hash } from "node:crypto";
import { findComponents } from "./find-components.ts";
import { type ConstraintProgram, moveKinds } from "./program.ts";

/** Signatures of larger programs are not worked out. */
const maxStates = 20_000;

/**
 * For each state, a text that is equal only for states from which the same can be read, in whatever program: a digest
 * of all that can be reached. `undefined` for a program that is too large.
 */
export function signaturesOf(program: ConstraintProgram): readonly string[] | undefined {
  if (program.stateCount > maxStates) return undefined;
  const states = Array.from({ length: program.stateCount }, (_, state) => state);
  const components: number[][] = [];
  const targets = states.map((state) => targetsOf(program, state));
  for (const [state, component] of findComponents(targets).entries()) {
    (components[component] ??= []).push(state);
  }
  const signatures = states.map(() => "");
  for (const component of components) sign(program, component, signatures);
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
 * Signs the states of a component after those that it leads to: what each reads is written with the numbers in which
 * the component's states are found, from the first of them on, and with the signatures of all others.
 */
function sign(program: ConstraintProgram, component: readonly number[], signatures: string[]): void {
  const members = new Set(component);
  const numbers = new Map([[component[0]!, 0]]);
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
