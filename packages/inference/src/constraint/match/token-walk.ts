import { byteKinds } from "../tokens/byte-kinds.ts";
import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Configuration } from "./configuration.ts";
import type { Machine } from "./machine.ts";

/** Where a walk goes on this often, it is worth knowing which bytes lead back. */
const visitsBeforeLoops = 256;

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

  /** Marks the tokens among the descendants of a node that can be read from a configuration. */
  mark(node: number, from: Configuration, into: Uint32Array): void {
    const { tokens } = this.#trie;
    this.visit(node, from, (at) => {
      if (tokens[at] !== -1) markToken(this.#trie, tokens[at]!, into);
    });
  }

  /** Visits the descendants of a node that can be read from a configuration. */
  visit(node: number, from: Configuration, visitNode: VisitNode): void {
    const { bytes, depths, ends, kinds } = this.#trie;
    const classes = this.#machine.program.byteClasses;
    const path = this.#path;
    const base = depths[node]!;
    const end = ends[node]!;
    path[0] = from;
    for (let at = node + 1; at < end;) {
      const before = path[depths[at]! - base - 1]!;
      // All that is below leads back to the same configuration: nothing to look up.
      if ((kinds[at]! & ~before.loops) === 0) {
        for (const last = ends[at]!; at < last; at += 1) visitNode(at, before);
        continue;
      }
      before.visits += 1;
      if (before.visits === visitsBeforeLoops) this.#findLoops(before);
      const byte = bytes[at]!;
      let next = before.next[before.isByteExact ? byte : classes[byte]!];
      if (next === undefined) next = this.#machine.step(before, byte);
      if (next === null) {
        at = ends[at]!;
        continue;
      }
      path[depths[at]! - base] = next;
      visitNode(at, next);
      at += 1;
    }
  }

  #findLoops(configuration: Configuration): void {
    let others = 0;
    for (let byte = 0; byte < 256; byte += 1) {
      const kind = 1 << byteKinds[byte]!;
      if ((others & kind) === 0 && this.#machine.step(configuration, byte) !== configuration) others |= kind;
    }
    configuration.loops = ~others & 0xffff;
  }
}

/** Marks a token and those of the same bytes. */
export function markToken({ nextSameToken }: TokenTrie, token: number, into: Uint32Array): void {
  for (let at = token; at !== -1; at = nextSameToken[at]!) into[at >>> 5]! |= 1 << (at & 31);
}

/** Takes a token and those of the same bytes out of a mask. */
export function unmarkToken({ nextSameToken }: TokenTrie, token: number, from: Uint32Array): void {
  for (let at = token; at !== -1; at = nextSameToken[at]!) from[at >>> 5]! &= ~(1 << (at & 31));
}
