import type { Configuration } from "./configuration.ts";
import { allowedByte, dropRepeatedKeys, hasNextByte } from "./inspect-configuration.ts";
import type { TokenMasks } from "./token-masks.ts";

/** Forced bytes that are looked for at a time. */
const maxForcedBytes = 4096;

/** Follows the tokens of one text through a constraint. */
export interface Matcher {
  /** The text may end here. */
  readonly isComplete: boolean;
  /** Another token may follow, apart from one that ends the text. */
  readonly canContinue: boolean;
  /** The text ended: a token of `endTokenIds` was accepted. */
  readonly isFinished: boolean;
  /** Tokens accepted so far. */
  readonly length: number;
  /**
   * Writes which tokens may follow: bit `t & 31` of word `t >>> 5` for token `t`. A mask without any token occurs only
   * with a vocabulary that lacks a token for a single byte; after the end it is empty.
   */
  fillMask(mask: Uint32Array): void;
  /** Goes on by a token; `false`, with nothing changed, if it may not follow. */
  accept(tokenId: number): boolean;
  /** The bytes that must follow, as far as there is no choice. */
  forcedBytes(): Uint8Array;
  /** Tokens of the forced bytes, without the last ones that a longer token might continue. */
  forcedTokens(): number[];
  /** Takes back the last tokens. @throws RangeError for more than were accepted */
  rollback(count: number): void;
  /** An independent copy. */
  clone(): Matcher;
}

/** Starts a text. Tokens of `endTokenIds` end it where it is complete. */
export function createMatcher(masks: TokenMasks, endTokenIds: readonly number[]): Matcher {
  return new TokenMatcher(masks, endTokenIds, [masks.machine.start]);
}

class TokenMatcher implements Matcher {
  readonly #masks: TokenMasks;
  readonly #endTokenIds: readonly number[];
  /** Before each token and after the last; without the end token. */
  readonly #history: Configuration[];
  #isFinished = false;

  constructor(masks: TokenMasks, endTokenIds: readonly number[], history: Configuration[]) {
    this.#masks = masks;
    this.#endTokenIds = endTokenIds;
    this.#history = history;
  }

  get isComplete(): boolean {
    return this.#current().isComplete;
  }

  get canContinue(): boolean {
    return !this.#isFinished && hasNextByte(this.#masks.machine, this.#current());
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  get length(): number {
    return this.#history.length - 1 + (this.#isFinished ? 1 : 0);
  }

  fillMask(mask: Uint32Array): void {
    mask.fill(0);
    if (this.#isFinished) return;
    const { machine, trie } = this.#masks;
    const current = this.#current();
    const general = machine.withoutKeys(current);
    mask.set(this.#masks.maskOf(general));
    if (general !== current) dropRepeatedKeys(machine, trie, { configuration: current, mask });
    for (const token of this.#endTokenIds) {
      if (current.isComplete) mask[token >>> 5]! |= 1 << (token & 31);
      else mask[token >>> 5]! &= ~(1 << (token & 31));
    }
  }

  accept(tokenId: number): boolean {
    if (this.#isFinished) return false;
    const { machine, trie } = this.#masks;
    machine.trim();
    let at: Configuration | null = this.#current();
    if (this.#endTokenIds.includes(tokenId)) {
      this.#isFinished = at.isComplete;
      return at.isComplete;
    }
    const start = trie.tokenStarts[tokenId];
    const end = trie.tokenStarts[tokenId + 1];
    if (start === undefined || end === undefined || start === end) return false;
    for (let index = start; index < end; index += 1) {
      at = machine.step(at, trie.tokenBytes[index]!);
      if (at === null) return false;
    }
    this.#history.push(at);
    return true;
  }

  forcedBytes(): Uint8Array {
    const { machine } = this.#masks;
    const bytes: number[] = [];
    let at: Configuration | null = this.#isFinished ? null : this.#current();
    while (at !== null && !at.isComplete && bytes.length < maxForcedBytes) {
      const byte = allowedByte(machine, at);
      if (byte === undefined) break;
      bytes.push(byte);
      at = machine.step(at, byte);
    }
    return Uint8Array.from(bytes);
  }

  forcedTokens(): number[] {
    const bytes = this.forcedBytes();
    const { trie } = this.#masks;
    const found: number[] = [];
    for (let start = 0; start < bytes.length;) {
      let node = 0;
      let token = -1;
      let tokenEnd = start;
      let at = start;
      while (at < bytes.length) {
        node = childOf(trie, node, bytes[at]!);
        if (node === -1) break;
        at += 1;
        if (trie.tokens[node] === -1) continue;
        token = trie.tokens[node]!;
        tokenEnd = at;
      }
      if (token === -1 || (node !== -1 && trie.ends[node]! > node + 1)) break;
      found.push(token);
      start = tokenEnd;
    }
    return found;
  }

  rollback(count: number): void {
    if (!Number.isInteger(count) || count < 0 || count > this.length) {
      throw new RangeError(`expected from 0 to ${this.length} tokens to take back, got ${count}`);
    }
    if (count === 0) return;
    this.#history.length -= count - (this.#isFinished ? 1 : 0);
    this.#isFinished = false;
  }

  clone(): Matcher {
    const copy = new TokenMatcher(this.#masks, this.#endTokenIds, [...this.#history]);
    copy.#isFinished = this.#isFinished;
    return copy;
  }

  /** The configuration after the last token, as the machine has it now. Former ones are adopted when they are used. */
  #current(): Configuration {
    const { machine } = this.#masks;
    const last = this.#history.at(-1)!;
    if (last.generation === machine.generation) return last;
    const adopted = machine.adopt(last);
    this.#history[this.#history.length - 1] = adopted;
    return adopted;
  }
}

function childOf(
  { bytes, ends }: { readonly bytes: Uint8Array; readonly ends: Int32Array },
  node: number,
  byte: number,
): number {
  for (let child = node + 1; child < ends[node]!; child = ends[child]!) {
    if (bytes[child] === byte) return child;
  }
  return -1;
}
