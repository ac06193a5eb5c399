import type { TokenTrie } from "../tokens/token-trie.ts";
import type { Configuration } from "./configuration.ts";
import { type Frame, listKeys } from "./frame.ts";
import type { Machine } from "./machine.ts";

/** The one byte that can follow; `undefined` if there are several. */
export function allowedByte(machine: Machine, { states }: Configuration): number | undefined {
  const { edgeStarts, edgeLows, edgeHighs } = machine.program;
  let found: number | undefined;
  for (const state of states) {
    for (let edge = edgeStarts[state]!; edge < edgeStarts[state + 1]!; edge += 1) {
      const low = edgeLows[edge]!;
      if (low !== edgeHighs[edge] || (found !== undefined && found !== low)) return undefined;
      found = low;
    }
  }
  return found;
}

/** Whether any byte can follow. */
export function hasNextByte(machine: Machine, { states }: Configuration): boolean {
  const { edgeStarts } = machine.program;
  return states.some((state) => edgeStarts[state + 1]! > edgeStarts[state]!);
}

/**
 * Takes out of a mask the tokens that would complete a key which its object has already, or the same key twice.
 * The mask was made without regard to keys; tokens in doubt are read byte by byte.
 */
export function dropRepeatedKeys(
  machine: Machine,
  trie: TokenTrie,
  { configuration, mask }: { readonly configuration: Configuration; readonly mask: Uint32Array },
): void {
  const check = (token: number): void => {
    if (
      (mask[token >>> 5]! & (1 << (token & 31))) === 0 ||
      canRead(machine, trie, { configuration, token })
    ) {
      return;
    }
    mask[token >>> 5]! &= ~(1 << (token & 31));
  };
  const checked = new Set<string>();
  for (const frame of configuration.frames) {
    if (machine.isKey(frame)) {
      for (const key of listKeys(frame.parent!.keys)) {
        if (key.startsWith(frame.text)) checkBelow(trie, key.slice(frame.text.length), check);
      }
    }
    for (let at: Frame | undefined = frame; at !== undefined; at = at.parent) {
      for (const key of listKeys(at.keys)) checked.add(key);
    }
  }
  const quoted = quotedTokens(trie);
  for (const key of checked) for (const token of quoted.byText.get(key) ?? []) check(token);
  for (const token of quoted.ofTwoKeys) check(token);
}

function canRead(
  machine: Machine,
  { tokenStarts, tokenBytes }: TokenTrie,
  { configuration, token }: { readonly configuration: Configuration; readonly token: number },
): boolean {
  let at: Configuration | null = configuration;
  for (let index = tokenStarts[token]!; at !== null && index < tokenStarts[token + 1]!; index += 1) {
    at = machine.step(at, tokenBytes[index]!);
  }
  return at !== null;
}

/** Calls back for every token that begins with a text. */
function checkBelow(
  { bytes, ends, tokens, nextSameToken }: TokenTrie,
  text: string,
  check: (token: number) => void,
): void {
  let node = 0;
  for (let index = 0; index < text.length; index += 1) {
    const byte = text.charCodeAt(index);
    let child = node + 1;
    while (child < ends[node]! && bytes[child] !== byte) child = ends[child]!;
    if (child >= ends[node]!) return;
    node = child;
  }
  for (let at = node; at < ends[node]!; at += 1) {
    for (let token = tokens[at]!; token !== -1; token = nextSameToken[token]!) check(token);
  }
}

/** The tokens of a vocabulary that contain a whole key. */
interface QuotedTokens {
  /** By the quoted text in them, with its quotes. */
  readonly byText: ReadonlyMap<string, readonly number[]>;
  /** Those with three quotes or more, which may complete two keys. */
  readonly ofTwoKeys: readonly number[];
}

const quotedTokensOf = new WeakMap<TokenTrie, QuotedTokens>();

function quotedTokens(trie: TokenTrie): QuotedTokens {
  let found = quotedTokensOf.get(trie);
  if (found === undefined) {
    found = groupQuotedTokens(trie);
    quotedTokensOf.set(trie, found);
  }
  return found;
}

function groupQuotedTokens({ quotedTokens: tokens, tokenStarts, tokenBytes }: TokenTrie): QuotedTokens {
  const byText = new Map<string, number[]>();
  const ofTwoKeys: number[] = [];
  for (const token of tokens) {
    const quotes: number[] = [];
    for (let at = tokenStarts[token]!; at < tokenStarts[token + 1]!; at += 1) {
      if (tokenBytes[at] === 0x22) quotes.push(at);
    }
    if (quotes.length >= 3) ofTwoKeys.push(token);
    for (const [index, start] of quotes.slice(0, -1).entries()) {
      const text = String.fromCharCode(...tokenBytes.subarray(start, quotes[index + 1]! + 1));
      byText.set(text, [...(byText.get(text) ?? []), token]);
    }
  }
  return { byText, ofTwoKeys };
}
