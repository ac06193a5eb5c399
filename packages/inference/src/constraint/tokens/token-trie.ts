import { InferenceError } from "../../errors.ts";
import { byteKinds } from "./byte-kinds.ts";

/**
 * The tokens of a vocabulary as a tree of their bytes, in typed arrays that can be sent between threads. Nodes are in
 * preorder: the descendants of node `n` are the nodes from `n + 1` to `ends[n]`. Node 0 is the empty text.
 */
export interface TokenTrie {
  readonly vocabSize: number;
  readonly nodeCount: number;
  /** The last byte of each node. */
  readonly bytes: Uint8Array;
  readonly depths: Uint16Array;
  readonly ends: Int32Array;
  /** The kinds of the bytes of a node and its descendants, as bits: see `byteKinds`. */
  readonly kinds: Uint16Array;
  /** The first token whose bytes are those of the node; −1 for none. */
  readonly tokens: Int32Array;
  /** For each token, the next one of the same bytes; −1 for none. */
  readonly nextSameToken: Int32Array;
  /** The bytes of token `t` are `tokenBytes` from `tokenStarts[t]` to `tokenStarts[t + 1]`. */
  readonly tokenStarts: Int32Array;
  readonly tokenBytes: Uint8Array;
  readonly maxTokenLength: number;
  /** The tokens with two quotation marks or more. */
  readonly quotedTokens: Int32Array;
}

/**
 * Builds the tree of a vocabulary: token `t` writes `tokenBytes[t]`. Tokens without bytes, such as special ones, are
 * never allowed by a mask. A tree is built once for a tokenizer.
 * @throws InferenceError `INVALID_CONSTRAINT` for a token of more than 65535 bytes
 */
export function createTokenTrie(tokenBytes: readonly (Uint8Array | undefined)[]): TokenTrie {
  const { starts, bytes, maxLength } = joinTokens(tokenBytes);
  const draft = new DraftTree(bytes.length + 1);
  const nextSameToken = new Int32Array(tokenBytes.length).fill(-1);
  for (let token = 0; token < tokenBytes.length; token += 1) {
    const start = starts[token]!;
    const end = starts[token + 1]!;
    if (start === end) continue;
    let node = 0;
    for (let at = start; at < end; at += 1) node = draft.childOf(node, bytes[at]!);
    nextSameToken[token] = draft.tokens[node]!;
    draft.tokens[node] = token;
  }
  return {
    vocabSize: tokenBytes.length,
    ...draft.toPreorder(),
    nextSameToken,
    tokenStarts: starts,
    tokenBytes: bytes,
    maxTokenLength: maxLength,
    quotedTokens: findQuotedTokens(starts, bytes),
  };
}

function findQuotedTokens(starts: Int32Array, bytes: Uint8Array): Int32Array {
  const found: number[] = [];
  let token = 0;
  let quoted = -1;
  for (let at = bytes.indexOf(0x22); at !== -1; at = bytes.indexOf(0x22, at + 1)) {
    while (starts[token + 1]! <= at) token += 1;
    if (quoted === token && found.at(-1) !== token) found.push(token);
    quoted = token;
  }
  return Int32Array.from(found);
}

function joinTokens(tokenBytes: readonly (Uint8Array | undefined)[]): {
  readonly starts: Int32Array;
  readonly bytes: Uint8Array;
  readonly maxLength: number;
} {
  const starts = new Int32Array(tokenBytes.length + 1);
  let maxLength = 0;
  for (let token = 0; token < tokenBytes.length; token += 1) {
    const length = tokenBytes[token]?.length ?? 0;
    if (length > 0xffff) {
      throw new InferenceError("INVALID_CONSTRAINT", {
        field: `tokenBytes[${token}]`,
        expected: "at most 65535 bytes",
        got: length,
      });
    }
    maxLength = Math.max(maxLength, length);
    starts[token + 1] = starts[token]! + length;
  }
  const bytes = new Uint8Array(starts[tokenBytes.length]!);
  for (let token = 0; token < tokenBytes.length; token += 1) {
    const text = tokenBytes[token];
    if (text !== undefined) bytes.set(text, starts[token]);
  }
  return { starts, bytes, maxLength };
}

/** A tree under construction: children are found by hashing, and listed in the order in which they came. */
class DraftTree {
  readonly tokens: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #firstChild: Int32Array;
  readonly #nextSibling: Int32Array;
  readonly #keys: Float64Array;
  readonly #values: Int32Array;
  readonly #mask: number;
  #count = 1;

  constructor(maxNodes: number) {
    this.tokens = new Int32Array(maxNodes).fill(-1);
    this.#bytes = new Uint8Array(maxNodes);
    this.#firstChild = new Int32Array(maxNodes).fill(-1);
    this.#nextSibling = new Int32Array(maxNodes).fill(-1);
    const slots = 2 ** Math.ceil(Math.log2(2 * maxNodes + 2));
    this.#mask = slots - 1;
    this.#keys = new Float64Array(slots).fill(-1);
    this.#values = new Int32Array(slots);
  }

  childOf(node: number, byte: number): number {
    const key = node * 256 + byte;
    let slot = (Math.imul(key, 0x9e3779b1) >>> 7) & this.#mask;
    while (this.#keys[slot] !== -1) {
      if (this.#keys[slot] === key) return this.#values[slot]!;
      slot = (slot + 1) & this.#mask;
    }
    const child = this.#count;
    this.#count += 1;
    this.#keys[slot] = key;
    this.#values[slot] = child;
    this.#bytes[child] = byte;
    this.#nextSibling[child] = this.#firstChild[node]!;
    this.#firstChild[node] = child;
    return child;
  }

  toPreorder(): Pick<TokenTrie, "nodeCount" | "bytes" | "depths" | "ends" | "kinds" | "tokens"> {
    const nodeCount = this.#count;
    const bytes = new Uint8Array(nodeCount);
    const depths = new Uint16Array(nodeCount);
    const ends = new Int32Array(nodeCount);
    const tokens = new Int32Array(nodeCount).fill(-1);
    const path: number[] = [0];
    const numbers: number[] = [0];
    let next = 1;
    while (path.length > 0) {
      const child = this.#firstChild[path.at(-1)!]!;
      if (child === -1) {
        path.pop();
        ends[numbers.pop()!] = next;
        continue;
      }
      this.#firstChild[path.at(-1)!] = this.#nextSibling[child]!;
      bytes[next] = this.#bytes[child]!;
      depths[next] = path.length;
      tokens[next] = this.tokens[child]!;
      path.push(child);
      numbers.push(next);
      next += 1;
    }
    return { nodeCount, bytes, depths, ends, kinds: collectKinds(bytes, ends), tokens };
  }
}

/** The kinds of the bytes of each node and its descendants. */
function collectKinds(bytes: Uint8Array, ends: Int32Array): Uint16Array {
  const kinds = new Uint16Array(bytes.length);
  for (let node = bytes.length - 1; node > 0; node -= 1) {
    let found = 1 << byteKinds[bytes[node]!]!;
    for (let child = node + 1; child < ends[node]!; child = ends[child]!) found |= kinds[child]!;
    kinds[node] = found;
  }
  return kinds;
}
