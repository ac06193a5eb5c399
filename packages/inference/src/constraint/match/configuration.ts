import type { Frame } from "./frame.ts";

/**
 * All ways in which the bytes so far can be read: pairs of a state and a stack. There is one object for each set, and
 * it remembers where each class of bytes leads, which makes a deterministic automaton as far as it is used.
 */
export class Configuration {
  readonly states: readonly number[];
  readonly frames: readonly Frame[];
  /** The text may end here. */
  readonly isComplete: boolean;
  /** The frames with which the outermost rule of an unknown caller may end here. */
  readonly returns: readonly Frame[];
  /** The next bytes are part of a key that is compared, so that bytes of one class differ. */
  readonly isByteExact: boolean;
  /** By class, or by byte if `isByteExact`; `undefined` where it is not known yet, `null` for a dead end. */
  readonly next: (Configuration | null | undefined)[];
  /** The fewest ticks that the outermost frame of a way needs. */
  readonly need: number;
  /** The kinds of bytes all of which lead back here, as bits; 0 until it has been worked out. */
  loops = 0;
  /** How often walks over the vocabulary went on from here. */
  visits = 0;
  mask: Uint32Array | undefined;
  /** The same ways without the keys of objects. */
  withoutKeys: Configuration | undefined;

  /** How often the machine had forgotten its configurations when it made this one. */
  readonly generation: number;

  constructor(content: ConfigurationContent, options: ConfigurationOptions) {
    this.states = content.states;
    this.frames = content.frames;
    this.isComplete = content.isComplete;
    this.returns = content.returns;
    this.isByteExact = options.isByteExact;
    this.generation = options.generation;
    this.next = Array.from({ length: options.width });
    let need = Infinity;
    for (const frame of content.frames) need = Math.min(need, frame.baseNeed);
    this.need = need;
  }
}

export interface ConfigurationOptions {
  readonly isByteExact: boolean;
  /** The number of classes of bytes that are told apart. */
  readonly width: number;
  readonly generation: number;
}

export interface ConfigurationContent {
  readonly states: readonly number[];
  readonly frames: readonly Frame[];
  readonly isComplete: boolean;
  readonly returns: readonly Frame[];
}
