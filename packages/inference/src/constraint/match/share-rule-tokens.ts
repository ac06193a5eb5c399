import type { TokenTrie } from "../tokens/token-trie.ts";
import { RuleTokens, type RuleTokensContent } from "./rule-tokens.ts";

/** Shared entries of a vocabulary, in number and in bytes; past that the oldest is dropped. */
const maxShared = 4096;
const maxSharedBytes = 32 << 20;

/** What programs with one vocabulary have worked out, by the signatures of states: the oldest first. */
interface SharedStore {
  readonly bySignature: Map<string, RuleTokens>;
  sizeBytes: number;
}

const storeOf = new WeakMap<TokenTrie, SharedStore>();

/** What programs with one vocabulary have worked out and share: plain data, to be sent between threads. */
export type SharedTokens = readonly (readonly [signature: string, content: RuleTokensContent])[];

/** What was worked out with a tree so far. */
export function listSharedTokens(trie: TokenTrie): SharedTokens {
  const shared = storeOf.get(trie)?.bySignature ?? [];
  return Array.from(shared, ([signature, { content }]) => [signature, content] as const);
}

/** Adds what was worked out with a copy of a tree. */
export function addSharedTokens(trie: TokenTrie, tokens: SharedTokens): void {
  for (const [signature, content] of tokens) shareTokens(trie, signature, new RuleTokens(content, trie));
}

/** The tokens of a state that any program with this vocabulary has worked out already. */
export function findSharedTokens(trie: TokenTrie, signature: string): RuleTokens | undefined {
  const found = storeOf.get(trie)?.bySignature.get(signature);
  if (found !== undefined) shareTokens(trie, signature, found);
  return found;
}

/** Has the programs with this vocabulary share the tokens of a state. */
export function shareTokens(trie: TokenTrie, signature: string, tokens: RuleTokens): void {
  let store = storeOf.get(trie);
  if (store === undefined) {
    store = { bySignature: new Map(), sizeBytes: 0 };
    storeOf.set(trie, store);
  }
  drop(store, signature);
  store.bySignature.set(signature, tokens);
  store.sizeBytes += tokens.sizeBytes;
  for (const oldest of store.bySignature.keys()) {
    if (store.bySignature.size <= maxShared && store.sizeBytes <= maxSharedBytes) break;
    drop(store, oldest);
  }
}

function drop(store: SharedStore, signature: string): void {
  store.sizeBytes -= store.bySignature.get(signature)?.sizeBytes ?? 0;
  store.bySignature.delete(signature);
}
