import { type ConstraintProgram, moveKinds, unbounded } from "../program/program.ts";
import type { ConfigurationContent } from "./configuration.ts";
import { type Frame, hasKey, relativeCall } from "./frame.ts";
import type { FrameStore } from "./frame-store.ts";

/** Collects pairs of state and frame with all that can be reached from them without reading a byte. */
export class Closure {
  readonly #program: ConstraintProgram;
  readonly #store: FrameStore;
  readonly #pendingStates: number[] = [];
  readonly #pendingFrames: Frame[] = [];
  readonly #seen = new Set<number>();
  #states: number[] = [];
  #frames: Frame[] = [];
  #returns: Frame[] = [];
  #isComplete = false;

  constructor(program: ConstraintProgram, store: FrameStore) {
    this.#program = program;
    this.#store = store;
  }

  /** Adds a pair. */
  add(state: number, frame: Frame): void {
    const key = frame.id * this.#program.stateCount + state;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#pendingStates.push(state);
    this.#pendingFrames.push(frame);
  }

  /** Follows all moves, gives what was found, and is empty again. */
  finish(): ConfigurationContent {
    const { edgeStarts, moveStarts, accepts } = this.#program;
    for (let state = this.#pendingStates.pop(); state !== undefined; state = this.#pendingStates.pop()) {
      const frame = this.#pendingFrames.pop()!;
      if (edgeStarts[state] !== edgeStarts[state + 1]) {
        this.#states.push(state);
        this.#frames.push(frame);
      }
      for (let move = moveStarts[state]!; move < moveStarts[state + 1]!; move += 1) this.#follow(move, frame);
      if (accepts[state] === 1) this.#leave(frame);
    }
    const content = {
      states: this.#states,
      frames: this.#frames,
      isComplete: this.#isComplete,
      returns: this.#returns,
    };
    this.#seen.clear();
    this.#states = [];
    this.#frames = [];
    this.#returns = [];
    this.#isComplete = false;
    return content;
  }

  #follow(move: number, frame: Frame): void {
    const program = this.#program;
    const target = program.moveTargets[move]!;
    switch (program.moveKinds[move]!) {
      case moveKinds.tick: {
        const counted = this.#tick(move, frame);
        if (counted !== undefined) this.add(target, counted);
        break;
      }
      case moveKinds.call:
        this.add(
          program.ruleStarts[program.moveLows[move]!]!,
          this.#store.push(frame, { call: move, count: 0, text: "", keys: this.#store.noKeys }),
        );
        break;
      case moveKinds.guard:
        if (this.#isEnough(frame)) this.add(target, frame);
        break;
      default:
        this.add(target, frame);
    }
  }

  /** Whether a frame has at least the fewest ticks; of an unknown caller that is checked when it returns. */
  #isEnough(frame: Frame): boolean {
    const counter = this.#store.counterOf(frame);
    return counter === -1 || frame.count >= this.#program.counterMins[counter]!;
  }

  /** The frame with one more tick; `undefined` if its counter does not allow it. */
  #tick(move: number, frame: Frame): Frame | undefined {
    const { moveLows, moveHighs, counterMins, counterMaxes } = this.#program;
    let count = frame.count + 1;
    if (frame.call === relativeCall) {
      return this.#store.sibling(frame, { count, need: Math.max(frame.need, count + moveLows[move]!) });
    }
    const counter = this.#store.counterOf(frame);
    if (counter === -1) return frame;
    const min = counterMins[counter]!;
    const max = counterMaxes[counter]!;
    if (count + moveLows[move]! > max || count + moveHighs[move]! < min) return undefined;
    if (max === unbounded && count > min) count = min;
    return count === frame.count ? frame : this.#store.sibling(frame, { count });
  }

  /** Ends the rule of a frame: its caller goes on. */
  #leave(frame: Frame): void {
    if (frame.isRelative) {
      if (!this.#returns.includes(frame)) this.#returns.push(frame);
      return;
    }
    if (!this.#isEnough(frame)) return;
    const caller = frame.parent!;
    if (caller.isGround) {
      this.#isComplete = true;
      return;
    }
    const target = this.#program.moveTargets[frame.call]!;
    if (!frame.tracksKeys || !this.#store.isKey(frame)) this.add(target, caller);
    else if (!hasKey(caller.keys, frame.text)) this.add(target, this.#store.withKey(caller, frame.text));
  }
}
