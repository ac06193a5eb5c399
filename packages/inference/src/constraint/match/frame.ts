/** The keys that an object has so far; a list that its frames share. */
export class KeySet {
  readonly id: number;
  readonly parent: KeySet | undefined;
  readonly text: string;
  readonly children: Map<string, KeySet> = new Map();

  constructor(id: number, parent?: KeySet, text = "") {
    this.id = id;
    this.parent = parent;
    this.text = text;
  }
}

/** Whether a text is among the keys. */
export function hasKey(keys: KeySet, text: string): boolean {
  let at = keys;
  while (at.parent !== undefined) {
    if (at.text === text) return true;
    at = at.parent;
  }
  return false;
}

/** The keys, the last one first. */
export function listKeys(keys: KeySet): string[] {
  const texts: string[] = [];
  let at = keys;
  while (at.parent !== undefined) {
    texts.push(at.text);
    at = at.parent;
  }
  return texts;
}

/** What a frame is, beside its parent. */
export interface FrameContent {
  /** The move that called the rule; for the outermost rule, one behind the last move. */
  readonly call: number;
  /** Ticks so far. */
  readonly count: number;
  /** The most ticks that there must be in all as far as they require it, in a rule of an unknown caller. [`count`] */
  readonly need?: number | undefined;
  /** The bytes of a key so far, one character each; empty in other rules. */
  readonly text: string;
  readonly keys: KeySet;
}

/**
 * A rule that is being matched, as an entry of a stack whose rest is its parent. Frames are immutable, and there is
 * one of each content below a parent, so that stacks can be compared by identity.
 */
export class Frame implements FrameContent {
  readonly id: number;
  readonly parent: Frame | undefined;
  readonly call: number;
  readonly count: number;
  readonly need: number;
  readonly text: string;
  readonly keys: KeySet;
  /** Ground: there is nothing below. Its only use is as a parent. */
  readonly isGround: boolean;
  /** The stack below is not known: nothing is checked against the counter, and ticks are counted from 0. */
  readonly isRelative: boolean;
  /** Keys are recorded and compared. */
  readonly tracksKeys: boolean;
  /** What the outermost frame of this stack needs. */
  readonly baseNeed: number;
  readonly #children: Map<number | string, Frame> = new Map();
  /** The same stack without the keys, once it was asked for. */
  withoutKeys: Frame | undefined;

  constructor(
    id: number,
    parent: Frame | undefined,
    content: FrameContent & { readonly tracksKeys: boolean },
  ) {
    this.id = id;
    this.parent = parent;
    this.call = content.call;
    this.count = content.count;
    this.need = content.need ?? content.count;
    this.text = content.text;
    this.keys = content.keys;
    this.tracksKeys = content.tracksKeys;
    this.isGround = parent === undefined;
    this.isRelative = parent !== undefined && parent.isGround && content.call === relativeCall;
    this.baseNeed = parent === undefined || parent.isGround ? this.need : parent.baseNeed;
  }

  /** The frame of a content above this one; `create` is called for the first of its kind. */
  child(content: FrameContent, create: (parent: Frame, content: FrameContent) => Frame): Frame {
    const { call, count, need = count, keys, text } = content;
    const isPlain = text === "" && keys.parent === undefined && need === count;
    const key = isPlain ? call * 0x80000000 + count : `${call},${count},${need},${keys.id},${text}`;
    let found = this.#children.get(key);
    if (found === undefined) {
      found = create(this, content);
      this.#children.set(key, found);
    }
    return found;
  }
}

/** The call of a frame whose caller is not known. */
export const relativeCall = -1;
