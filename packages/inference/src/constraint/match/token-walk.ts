import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Configuration } from "./configuration.ts";
import type { Machine } from "./machine.ts";

/** Called for each node of the tree that a walk can read, with where it leads. */
export type VisitNode = (node: number, configuration: Configuration) => void;

/** Reads tokens of a vocabulary with a machine, all at once: each node of their tree is read at most once. */
export class TokenWalk {
  readonly #machine: Machine;
  readonly #trie: TokenTrie;
  readonly #path: Configuration[] = [];

  constructor(machine: Machine, trie: TokenTrie) {
    this.#machine = machine;
    this.#trie = trie;
  }

  /** Visits the descendants of a node that can be read from a configuration. */
  visit(node: number, from: Configuration, visitNode: VisitNode): void {
    const { bytes, depths, ends } = this.#trie;
    const classes = this.#machine.program.byteClasses;
    const path = this.#path;
    const base = depths[node]!;
    const end = ends[node]!;
    path[0] = from;
    for (let at = node + 1; at < end;) {
      const depth = depths[at]! - base;
      const before = path[depth - 1]!;
      const byte = bytes[at]!;
      let next = before.next[before.isByteExact ? byte : classes[byte]!];
      if (next === undefined) next = this.#machine.step(before, byte);
      if (next === null) {
        at = ends[at]!;
        continue;
      }
      path[depth] = next;
      visitNode(at, next);
      at += 1;
    }
  }

  /** Marks the tokens among the descendants of a node that can be read from a configuration. */
  mark(node: number, from: Configuration, into: Uint32Array): void {
    const { bytes, depths, ends, tokens } = this.#trie;
    const classes = this.#machine.program.byteClasses;
    const path = this.#path;
    const base = depths[node]!;
    const end = ends[node]!;
    path[0] = from;
    for (let at = node + 1; at < end;) {
      const depth = depths[at]! - base;
      const before = path[depth - 1]!;
      const byte = bytes[at]!;
      let next = before.next[before.isByteExact ? byte : classes[byte]!];
      if (next === undefined) next = this.#machine.step(before, byte);
      if (next === null) {
        at = ends[at]!;
        continue;
      }
      path[depth] = next;
      if (tokens[at] !== -1) markToken(this.#trie, tokens[at]!, into);
      at += 1;
    }
  }
}

/** Marks a token and those of the same bytes. */
export function markToken({ nextSameToken }: TokenTrie, token: number, into: Uint32Array): void {
  for (let at = token; at !== -1; at = nextSameToken[at]!) into[at >>> 5]! |= 1 << (at & 31);
}
