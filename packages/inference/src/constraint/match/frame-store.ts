import type { ConstraintProgram } from "../program/program.ts";
import { Frame, type FrameContent, KeySet, listKeys, relativeCall } from "./frame.ts";

/** Makes the frames of a program, one of each kind. */
export class FrameStore {
  readonly noKeys: KeySet = new KeySet(0);
  /** The outermost rule, with its keys and without. */
  readonly root: Frame;
  readonly rootWithoutKeys: Frame;
  readonly #program: ConstraintProgram;
  readonly #relativeGround: Frame;
  readonly #rootCall: number;
  readonly #hasKeys: boolean;
  #frameCount = 0;
  #keySetCount = 1;

  constructor(program: ConstraintProgram) {
    this.#program = program;
    this.#rootCall = program.moveTargets.length;
    this.#hasKeys = program.ruleIsKey.includes(1);
    const content = { call: this.#rootCall, count: 0, text: "", keys: this.noKeys };
    this.#relativeGround = this.#create(undefined, content, false);
    this.rootWithoutKeys = this.push(this.#relativeGround, content);
    this.root = this.#hasKeys
      ? this.push(this.#create(undefined, content, true), content)
      : this.rootWithoutKeys;
  }

  /** The frame of a rule that an unknown caller called. */
  get relative(): Frame {
    return this.push(this.#relativeGround, { call: relativeCall, count: 0, text: "", keys: this.noKeys });
  }

  push(parent: Frame, content: FrameContent): Frame {
    return parent.child(content, this.#createChild);
  }

  /** The same frame with another count, text or keys. */
  sibling(frame: Frame, changes: Partial<FrameContent>): Frame {
    const { call, count, text, keys } = frame;
    return this.push(frame.parent!, { call, count, text, keys, ...changes });
  }

  withKey(frame: Frame, text: string): Frame {
    let keys = frame.keys.children.get(text);
    if (keys === undefined) {
      keys = new KeySet(this.#keySetCount, frame.keys, text);
      this.#keySetCount += 1;
      frame.keys.children.set(text, keys);
    }
    return this.sibling(frame, { keys });
  }

  /** The counter of a frame's rule, or −1. */
  counterOf(frame: Frame): number {
    return frame.call === this.#rootCall || frame.call === relativeCall
      ? -1
      : this.#program.moveHighs[frame.call]!;
  }

  /** Whether a frame's rule is a key. */
  isKey(frame: Frame): boolean {
    return (
      this.#hasKeys &&
      frame.call !== this.#rootCall &&
      frame.call !== relativeCall &&
      this.#program.ruleIsKey[this.#program.moveLows[frame.call]!] === 1
    );
  }

  /** The same stack without keys. */
  withoutKeys(frame: Frame): Frame {
    if (!frame.tracksKeys) return frame;
    return this.#rebuild(frame, this.rootWithoutKeys, (known) => known.withoutKeys);
  }

  /** The same stack in this store, of a frame that may be of another store of the same program. */
  adopt(frame: Frame): Frame {
    return this.#rebuild(frame, frame.tracksKeys ? this.root : this.rootWithoutKeys, () => undefined);
  }

  #rebuild(frame: Frame, root: Frame, known: (frame: Frame) => Frame | undefined): Frame {
    const path: Frame[] = [];
    let at = frame;
    let rebuilt = known(at);
    while (rebuilt === undefined) {
      path.push(at);
      if (at.parent!.isGround) {
        rebuilt = root.parent!;
        break;
      }
      at = at.parent!;
      rebuilt = known(at);
    }
    for (let old = path.pop(); old !== undefined; old = path.pop()) {
      rebuilt = this.#copy(old, rebuilt);
      if (root === this.rootWithoutKeys && old.tracksKeys) old.withoutKeys = rebuilt;
    }
    return rebuilt;
  }

  #copy({ call, count, text, keys }: Frame, parent: Frame): Frame {
    if (!parent.tracksKeys) return this.push(parent, { call, count, text: "", keys: this.noKeys });
    let frame = this.push(parent, { call, count, text, keys: this.noKeys });
    for (const key of listKeys(keys).toReversed()) frame = this.withKey(frame, key);
    return frame;
  }

  readonly #createChild = (parent: Frame, content: FrameContent): Frame =>
    this.#create(parent, content, parent.tracksKeys);

  #create(parent: Frame | undefined, content: FrameContent, tracksKeys: boolean): Frame {
    this.#frameCount += 1;
    return new Frame(this.#frameCount, parent, { ...content, tracksKeys });
  }
}
