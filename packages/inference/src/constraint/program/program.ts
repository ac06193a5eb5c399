/** No bound, where a number of the program is a 32-bit integer. */
export const unbounded = 0x7fffffff;

/** The kinds of moves that read no byte. */
export const moveKinds = { silent: 0, tick: 1, call: 2, guard: 3 } as const;

/**
 * A compiled constraint: rules, each a nondeterministic automaton over bytes whose states may also call other rules.
 * Plain typed arrays, so that a program can be sent between threads. Rule 0 is the start.
 *
 * State `s` reads bytes by its edges `edgeStarts[s]` to `edgeStarts[s + 1]`, and moves without reading by its moves
 * `moveStarts[s]` to `moveStarts[s + 1]`: silently to `moveTargets`; with a tick, which counts one in the frame of its
 * rule; with a guard, which the frame passes if its count is at least its minimum; or with a call of the rule
 * `moveLows`, which returns to `moveTargets`. A call starts a frame with a count of 0 and the counter `moveHighs`, or
 * none for −1.
 */
export interface ConstraintProgram {
  readonly version: 1;
  readonly stateCount: number;
  /** The first state of each rule. */
  readonly ruleStarts: Int32Array;
  /** 1 for a rule whose text is a key: no two calls from one frame may match the same text. */
  readonly ruleIsKey: Uint8Array;
  /** 1 for a rule of which every tick can be followed by any number of more, and must be by few. */
  readonly ruleIsOpen: Uint8Array;
  /** 1 for a state where its rule may end. */
  readonly accepts: Uint8Array;
  readonly edgeStarts: Int32Array;
  readonly edgeLows: Uint8Array;
  readonly edgeHighs: Uint8Array;
  readonly edgeTargets: Int32Array;
  readonly moveStarts: Int32Array;
  readonly moveKinds: Uint8Array;
  readonly moveTargets: Int32Array;
  /** Of a tick: how many more ticks must follow at least; of a call: the rule. */
  readonly moveLows: Int32Array;
  /** Of a tick: how many more can follow at most; of a call: the counter, or −1. */
  readonly moveHighs: Int32Array;
  readonly counterMins: Int32Array;
  readonly counterMaxes: Int32Array;
  /** The class of each byte: bytes of one class are never told apart. */
  readonly byteClasses: Uint8Array;
  readonly byteClassCount: number;
}
