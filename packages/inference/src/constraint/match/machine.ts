import { ConstraintError } from "../program/constraint-error.ts";
import type { ConstraintProgram } from "../program/program.ts";
import { Closure } from "./closure.ts";
import { Configuration, type ConfigurationContent } from "./configuration.ts";
import { FrameStore } from "./frame-store.ts";
import type { Frame } from "./frame.ts";

/** Ways of reading one text that are followed at a time. */
const maxWays = 4096;
/** Configurations that are kept; past that all are forgotten, and those in use are made again. */
const maxConfigurations = 20_000;

/** Runs a program over bytes. Configurations of one machine are shared by all its users. */
export class Machine {
  readonly program: ConstraintProgram;
  #store: FrameStore;
  #closure: Closure;
  #configurations = new Map<number | string, Configuration>();
  #start: Configuration | undefined;
  /** How often configurations were forgotten. Those of an earlier generation must be adopted before use. */
  generation = 0;

  constructor(program: ConstraintProgram) {
    this.program = program;
    this.#store = new FrameStore(program);
    this.#closure = new Closure(program, this.#store);
  }

  /** Before the first byte. */
  get start(): Configuration {
    if (this.#start === undefined) {
      this.#closure.add(this.program.ruleStarts[0]!, this.#store.root);
      this.#start = this.#intern(this.#closure.finish());
    }
    return this.#start;
  }

  /** What one more byte leads to; `null` where it is not allowed. */
  step(configuration: Configuration, byte: number): Configuration | null {
    const index = configuration.isByteExact ? byte : this.program.byteClasses[byte]!;
    const known = configuration.next[index];
    if (known !== undefined) return known;
    const next = this.#compute(configuration, byte);
    configuration.next[index] = next;
    return next;
  }

  #compute({ states, frames }: Configuration, byte: number): Configuration | null {
    const { edgeStarts, edgeLows, edgeHighs, edgeTargets } = this.program;
    for (const [index, state] of states.entries()) {
      let frame: Frame | undefined;
      for (let edge = edgeStarts[state]!; edge < edgeStarts[state + 1]!; edge += 1) {
        if (byte < edgeLows[edge]! || byte > edgeHighs[edge]!) continue;
        frame ??= this.#read(frames[index]!, byte);
        this.#closure.add(edgeTargets[edge]!, frame);
      }
    }
    const content = this.#closure.finish();
    const isAlive = content.states.length > 0 || content.isComplete || content.returns.length > 0;
    return isAlive ? this.#intern(content) : null;
  }

  #read(frame: Frame, byte: number): Frame {
    if (!frame.tracksKeys || !this.#store.isKey(frame)) return frame;
    return this.#store.sibling(frame, { text: frame.text + String.fromCharCode(byte) });
  }

  /** Where the caller of a frame's rule goes on when the rule ends; without keys. */
  afterReturn(frame: Frame): Configuration {
    this.#closure.add(this.program.moveTargets[frame.call]!, frame.parent!);
    return this.#intern(this.#closure.finish());
  }

  /** A state of a rule whose caller is not known. */
  relative(state: number): Configuration {
    return this.#intern({ states: [state], frames: [this.#store.relative], isComplete: false, returns: [] });
  }

  /** One way of several. */
  single(state: number, frame: Frame): Configuration {
    return this.#intern({ states: [state], frames: [frame], isComplete: false, returns: [] });
  }

  counterOf(frame: Frame): number {
    return this.#store.counterOf(frame);
  }

  isKey(frame: Frame): boolean {
    return this.#store.isKey(frame);
  }

  /** The same ways without the keys of objects, which few masks depend on. */
  withoutKeys(configuration: Configuration): Configuration {
    configuration.withoutKeys ??= this.#intern({
      states: configuration.states,
      frames: configuration.frames.map((frame) => this.#store.withoutKeys(frame)),
      isComplete: configuration.isComplete,
      returns: configuration.returns,
    });
    return configuration.withoutKeys;
  }

  /** The same configuration in this generation. */
  adopt({ states, frames, isComplete, returns }: Configuration): Configuration {
    return this.#intern({
      states,
      frames: frames.map((frame) => this.#store.adopt(frame)),
      isComplete,
      returns,
    });
  }

  /** Forgets all configurations if there are many. To be called only between tokens. */
  trim(): void {
    if (this.#configurations.size <= maxConfigurations) return;
    this.generation += 1;
    this.#store = new FrameStore(this.program);
    this.#closure = new Closure(this.program, this.#store);
    this.#configurations = new Map();
    this.#start = undefined;
  }

  #intern(content: ConfigurationContent): Configuration {
    if (content.states.length > maxWays) {
      throw new ConstraintError("CONSTRAINT_TOO_LARGE", {
        path: "#",
        expected: `at most ${maxWays} ways of reading a text`,
        got: `${content.states.length}`,
      });
    }
    const key = this.#keyOf(content);
    let found = this.#configurations.get(key);
    if (found === undefined) {
      const isByteExact = content.frames.some((frame) => frame.tracksKeys && this.#store.isKey(frame));
      const width = isByteExact ? 256 : this.program.byteClassCount;
      found = new Configuration(content, { isByteExact, width, generation: this.generation });
      this.#configurations.set(key, found);
    }
    return found;
  }

  #keyOf({ states, frames, isComplete, returns }: ConfigurationContent): number | string {
    const { stateCount } = this.program;
    if (states.length === 1 && returns.length === 0) {
      return (frames[0]!.id * stateCount + states[0]!) * 2 + (isComplete ? 1 : 0);
    }
    const keys = states.map((state, index) => frames[index]!.id * stateCount + state);
    return `${keys.sort((left, right) => left - right).join(",")};${isComplete};${returns.map(({ id }) => id).join(",")}`;
  }
}
