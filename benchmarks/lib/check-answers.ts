import { type GenerationChoice, type InferenceEngine } from "@infernode/inference";
import {
  compileConstraint,
  ConstraintError,
  type ConstraintProgram,
  createConstraint,
  createMatcher,
  createTokenMasks,
  createTokenTrie,
  type Matcher,
} from "@infernode/inference/constraint";
import type { LanguageModel } from "@infernode/models";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Schema } from "./random-schema.ts";

/** What answers are made with. */
export interface AnswerCheck {
  readonly model: LanguageModel;
  readonly engine: InferenceEngine;
  readonly schemas: readonly Schema[];
  readonly answersPerSchema: number;
  readonly maxTokens: number;
  /** At least 1. */
  readonly temperature: number;
  readonly seed: number;
}

/** How many answers there were of each kind. */
export interface CheckedAnswers {
  /** Schemas that were refused by name. */
  refused: number;
  /** Answers that ended by themselves. */
  ended: number;
  /** Answers that were cut off by their length. */
  cut: number;
  /** Answers that ended and do not match their schema, or are not whole. */
  readonly invalid: string[];
  /** Answers that were cut off and are not the beginning of a matching one. */
  readonly strayed: string[];
}

/** Schemas whose answers are generated at the same time. */
const requestsAtOnce = 4;
/** Tokens of single bytes: another reading of the text than by the model's tokens. */
const byteTrie = createTokenTrie(Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)));

/** Generates answers that must match schemas, in one batch, and checks all of them. */
export async function checkAnswers(check: AnswerCheck): Promise<CheckedAnswers> {
  const { model, engine, schemas } = check;
  const { tokenizer } = model;
  const found: CheckedAnswers = { refused: 0, ended: 0, cut: 0, invalid: [], strayed: [] };
  const trie = createTokenTrie(
    Array.from({ length: tokenizer.vocabSize }, (_, token) => tokenizer.bytesOf(token)),
  );
  const answer = async (schema: Schema, index: number): Promise<void> => {
    const program = compile(schema);
    if (program === undefined) {
      found.refused += 1;
      return;
    }
    const { choices } = await engine
      .generate({
        promptTokenIds: [1, 10 + (index % 100)],
        n: check.answersPerSchema,
        constraint: createConstraint(createTokenMasks(program, trie)),
        sampling: { temperature: check.temperature, seed: check.seed + index },
        stopping: { maxTokens: check.maxTokens },
      })
      .result();
    const validate = createValidator(schema);
    for (const choice of choices) {
      const matcher = readBytes(program, choice, model);
      count(found, choice, { schema, matcher, isValid: validate });
    }
  };
  for (let start = 0; start < schemas.length; start += requestsAtOnce) {
    const group = schemas.slice(start, start + requestsAtOnce);
    await Promise.all(group.map((schema, at) => answer(schema, start + at)));
  }
  return found;
}

function compile(jsonSchema: Schema): ConstraintProgram | undefined {
  try {
    return compileConstraint({ jsonSchema });
  } catch (error) {
    if (error instanceof ConstraintError) return undefined;
    throw error;
  }
}

function createValidator(schema: Schema): (text: string) => boolean {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  return (text) => {
    try {
      return validate(JSON.parse(text));
    } catch {
      return false;
    }
  };
}

/** Reads the bytes of an answer; `undefined` where one is not allowed. */
function readBytes(
  program: ConstraintProgram,
  { tokenIds }: GenerationChoice,
  { tokenizer, config }: LanguageModel,
): Matcher | undefined {
  const matcher = createMatcher(createTokenMasks(program, byteTrie), []);
  for (const tokenId of tokenIds) {
    if (config.eosTokenIds.includes(tokenId)) continue;
    for (const byte of tokenizer.bytesOf(tokenId)) if (!matcher.accept(byte)) return undefined;
  }
  return matcher;
}

function count(
  found: CheckedAnswers,
  { text, finishReason }: GenerationChoice,
  answered: {
    readonly schema: Schema;
    readonly matcher: Matcher | undefined;
    readonly isValid: (text: string) => boolean;
  },
): void {
  const { schema, matcher, isValid } = answered;
  const describe = (): string => `${text}\n  of ${JSON.stringify(schema)}`;
  if (finishReason === "stop") {
    found.ended += 1;
    if (matcher?.isComplete !== true || !isValid(text)) found.invalid.push(describe());
  } else {
    found.cut += 1;
    if (matcher === undefined) found.strayed.push(describe());
  }
}
