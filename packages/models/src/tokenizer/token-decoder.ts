import { byteLevelBytes, fallbackByte } from "./byte-alphabet.ts";
import { ModelError, quoteValue } from "../errors.ts";
import { isJsonObject } from "../files/json-shape.ts";

/** Decodes tokens to text and bytes by the `decoder` of `tokenizer.json`. */
export interface TokenDecoder {
  text(tokens: readonly string[]): string;
  /** The bytes of one token wherever it is; `text` may drop its space at the start of a text. */
  bytes(token: string): Uint8Array;
  /** The text of one token behind others, and before any; `undefined` where it depends on them, as for a part of a character. */
  textBehind(token: string): string | undefined;
}

/** Steps run on the event loop for every token, so their number and what they make are bounded. */
const maxSteps = 32;
const maxGrowth = 64;

interface DecoderStep {
  /** The factor by which a text may grow. Default 1. */
  readonly growth?: number;
  run(tokens: readonly string[]): readonly string[];
  /** The bytes of a single token; absent where they depend on its position. */
  readonly bytes?: (token: string) => Uint8Array | undefined;
  /** The step for a single token. */
  readonly rename?: (token: string) => string;
  /** The step for a token behind others; `undefined` where they matter. Absent where they always may. */
  readonly behind?: (token: string) => string | undefined;
  /** Whether it makes one text of all tokens. */
  readonly joins?: boolean;
  /** Whether it changes nothing but the start of a text. */
  readonly isAtStart?: boolean;
}

/**
 * Interprets the decoder steps that decoder-only checkpoints use: ByteLevel, Metaspace, and
 * SentencePiece's Replace, ByteFallback, Fuse and Strip.
 *
 * @throws ModelError `UNSUPPORTED_TOKENIZER`, `INVALID_TOKENIZER`
 * @see https://github.com/huggingface/tokenizers, `tokenizers/src/decoders`
 */
export function createTokenDecoder(decoder: unknown, file: string): TokenDecoder {
  const isAbsent = decoder === null || decoder === undefined;
  const steps = isAbsent ? [] : readSteps(decoder, file);
  assertGrowth(steps, file);
  const encoder = new TextEncoder();
  const stepsBehind = isAbsent ? undefined : readStepsBehind(steps);
  return {
    text(tokens) {
      const separator = isAbsent ? " " : "";
      return steps.reduce((current, step) => step.run(current), tokens).join(separator);
    },
    bytes(token) {
      let current = token;
      for (const step of steps) {
        const bytes = step.bytes?.(current);
        if (bytes !== undefined) {
          return bytes;
        }
        current = step.rename?.(current) ?? current;
      }
      return encoder.encode(current);
    },
    textBehind(token) {
      let current: string | undefined = stepsBehind && token;
      for (const step of stepsBehind ?? []) current = current === undefined ? undefined : step(current);
      return current;
    },
  };
}

/** The steps for a token behind others; `undefined` where one of them depends on what is there. */
function readStepsBehind(
  steps: readonly DecoderStep[],
): readonly ((token: string) => string | undefined)[] | undefined {
  const joinAt = steps.findIndex(({ joins }) => joins);
  const single = joinAt === -1 ? steps : steps.slice(0, joinAt + 1);
  const whole = steps.slice(single.length);
  if (!whole.every(({ isAtStart }) => isAtStart)) return undefined;
  const behind = single.flatMap((step) => step.behind ?? []);
  return behind.length === single.length ? behind : undefined;
}

function assertGrowth(steps: readonly DecoderStep[], file: string): void {
  const growth = steps.reduce((product, step) => product * (step.growth ?? 1), 1);
  if (steps.length <= maxSteps && growth <= maxGrowth) {
    return;
  }
  throw new ModelError(
    "INVALID_TOKENIZER",
    {
      expected: `at most ${maxSteps} steps that make a text at most ${maxGrowth} times as long`,
      got: `${steps.length} that make it ${growth} times as long`,
    },
    { file, field: "decoder" },
  );
}

function readSteps(decoder: unknown, file: string): DecoderStep[] {
  if (!isJsonObject(decoder)) {
    const mismatch = { expected: "an object", got: quoteValue(decoder) };
    throw new ModelError("INVALID_TOKENIZER", mismatch, { file, field: "decoder" });
  }
  switch (decoder["type"]) {
    case "Sequence": {
      const decoders: unknown = decoder["decoders"];
      return Array.isArray(decoders) ? decoders.flatMap((inner) => readSteps(inner, file)) : [];
    }
    case "ByteLevel":
      return [byteLevelStep()];
    case "Metaspace":
      return [metaspaceStep(textOr(decoder["replacement"], "▁"), decoder["prepend_scheme"] !== "never")];
    case "Replace":
      return [replaceStep(decoder, file)];
    case "ByteFallback":
      return [byteFallbackStep()];
    case "Fuse":
      return [{ run: (tokens) => [tokens.join("")], behind: (token) => token, joins: true }];
    case "Strip":
      return [
        stripStep(textOr(decoder["content"], " "), countOf(decoder["start"]), countOf(decoder["stop"])),
      ];
    default:
      throw new ModelError(
        "UNSUPPORTED_TOKENIZER",
        {
          expected: "a decoder of ByteLevel, Metaspace, Replace, ByteFallback, Fuse or Strip",
          got: quoteValue(decoder["type"]),
        },
        { file, field: "decoder" },
      );
  }
}

function byteLevelStep(): DecoderStep {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  return {
    joins: true,
    behind(token) {
      try {
        return strict.decode(byteLevelBytes(token));
      } catch {
        return undefined;
      }
    },
    run(tokens) {
      const parts = tokens.map(byteLevelBytes);
      const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        joined.set(part, at);
        at += part.length;
      }
      return [decoder.decode(joined)];
    },
    bytes: byteLevelBytes,
  };
}

function byteFallbackStep(): DecoderStep {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const toTexts = (bytes: readonly number[]): string[] => {
    try {
      return bytes.length === 0 ? [] : [decoder.decode(Uint8Array.from(bytes))];
    } catch {
      return bytes.map(() => "\uFFFD");
    }
  };
  return {
    run(tokens) {
      const texts: string[] = [];
      let pending: number[] = [];
      for (const token of tokens) {
        const byte = fallbackByte(token);
        if (byte === undefined) {
          texts.push(...toTexts(pending), token);
          pending = [];
        } else {
          pending.push(byte);
        }
      }
      texts.push(...toTexts(pending));
      return texts;
    },
    bytes(token) {
      const byte = fallbackByte(token);
      return byte === undefined ? undefined : Uint8Array.of(byte);
    },
    behind: (token) => (fallbackByte(token) === undefined ? token : undefined),
  };
}

function metaspaceStep(replacement: string, dropsFirst: boolean): DecoderStep {
  const rename = (token: string): string => token.replaceAll(replacement, " ");
  return {
    run: (tokens) =>
      tokens.map((token, index) => token.replaceAll(replacement, index === 0 && dropsFirst ? "" : " ")),
    rename,
    behind: rename,
  };
}

function replaceStep(decoder: Readonly<Record<string, unknown>>, file: string): DecoderStep {
  const pattern = decoder["pattern"];
  const replaced = isJsonObject(pattern) ? pattern["String"] : undefined;
  if (typeof replaced !== "string" || replaced === "") {
    const mismatch = { expected: "a Replace of a string", got: quoteValue(pattern) };
    throw new ModelError("UNSUPPORTED_TOKENIZER", mismatch, { file, field: "decoder" });
  }
  const content = textOr(decoder["content"], "");
  const rename = (token: string): string => token.replaceAll(replaced, () => content);
  const growth = Math.max(1, content.length / replaced.length);
  return { run: (tokens) => tokens.map(rename), rename, behind: rename, growth };
}

function stripStep(content: string, startCount: number, stopCount: number): DecoderStep {
  const strip = (token: string): string => {
    let start = 0;
    while (start < startCount && token[start] === content) {
      start += 1;
    }
    let end = token.length;
    while (end > start && token.length - end < stopCount && token[end - 1] === content) {
      end -= 1;
    }
    return token.slice(start, end);
  };
  return { run: (tokens) => tokens.map(strip), isAtStart: stopCount === 0 };
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}

function countOf(value: unknown): number {
  return typeof value === "number" && value > 0 ? value : 0;
}
