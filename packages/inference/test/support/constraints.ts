import {
  compileConstraint,
  type ConstraintSource,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  type Matcher,
  type TokenMasks,
} from "@infernode/inference/constraint";
import { createRandom } from "../../../../benchmarks/lib/random.ts";

const encoder = new TextEncoder();

/** The end of a text; then every byte; then texts that cross the borders of JSON's parts. */
const texts = [
  '{"',
  '":',
  '","',
  '": "',
  '"}',
  '"a":',
  '"b":1,"a":',
  '":1,"',
  "true",
  "null",
  "  ",
  "\n  ",
  "12",
  "0.5",
  "abc",
  "hello",
  "é",
  "[[",
  "]]",
  "},{",
  "\\n",
  "\\u00",
  "漢字",
  "abc",
];
export const endToken = 0;
export const vocabulary: readonly (Uint8Array | undefined)[] = [
  undefined,
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...texts.map((text) => encoder.encode(text)),
];
export const trie = createTokenTrie(vocabulary);
export const maskWords = (vocabulary.length + 31) >>> 5;

export function masksOf(source: ConstraintSource): TokenMasks {
  return createTokenMasks(compileConstraint(source), trie);
}

/** The tokens that a mask allows. */
export function allowedTokens(matcher: Matcher): number[] {
  const mask = new Uint32Array(maskWords);
  matcher.fillMask(mask);
  return vocabulary.flatMap((_, token) => ((mask[token >>> 5]! >>> (token & 31)) & 1 ? [token] : []));
}

/** Whether a text is complete, byte by byte. */
export function accepts(masks: TokenMasks, text: string): boolean {
  const matcher = createMatcher(masks, [endToken]);
  for (const byte of encoder.encode(text)) if (!matcher.accept(1 + byte)) return false;
  return matcher.accept(endToken);
}

export interface Walk {
  readonly text: string;
  readonly isFinished: boolean;
}

/** Takes random tokens of the masks until the text ends. The end is taken where it may be, more and more likely. */
export function walk(
  masks: TokenMasks,
  { seed, maxTokens, check }: { seed: number; maxTokens: number; check?: (matcher: Matcher) => void },
): Walk {
  const random = createRandom(seed);
  const matcher = createMatcher(masks, [endToken]);
  const bytes: number[] = [];
  while (!matcher.isFinished && matcher.length < maxTokens) {
    check?.(matcher);
    const allowed = allowedTokens(matcher);
    if (allowed.length === 0) throw new Error(`nothing may follow ${JSON.stringify(decode(bytes))}`);
    const closing = allowed.filter((token) => isClosing(token));
    const plain = allowed.filter((token) => token > 0x20 && token < 0x80);
    const likely = plain.length > 0 && random() < 0.8 ? plain : allowed;
    const from = closing.length > 0 && random() < matcher.length / 60 ? closing : likely;
    const token = from[Math.floor(random() * from.length)]!;
    if (!matcher.accept(token)) throw new Error(`a token of the mask was refused: ${token}`);
    bytes.push(...(vocabulary[token] ?? []));
  }
  return { text: decode(bytes), isFinished: matcher.isFinished };
}

function isClosing(token: number): boolean {
  return token === endToken || '"]}'.includes(String.fromCharCode(token - 1));
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}
