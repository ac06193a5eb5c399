import type { ConfigFields } from "./config-fields.ts";

/** Where a token's id may be and what it may be. */
export interface TokenIdSources {
  /** The first one that has it counts. */
  readonly sources: readonly (ConfigFields | undefined)[];
  readonly vocabSize: number;
}

/** Reads the tokens that end an answer; the default where no source names any. @throws ModelError `INVALID_CONFIG` */
export function readEosTokenIds(
  { sources, vocabSize }: TokenIdSources,
  defaultId: number | undefined,
): readonly number[] {
  const holder = sources.find((fields) => fields?.has("eos_token_id"));
  if (holder === undefined) {
    const isOff = sources.some((fields) => fields?.raw("eos_token_id") === null);
    return isOff || defaultId === undefined ? [] : [defaultId];
  }
  const value = holder.raw("eos_token_id");
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id): id is number => isTokenId(id, vocabSize))) {
    throw holder.invalid("eos_token_id", `a token id, or a list of them, from 0 to ${vocabSize - 1}`);
  }
  return [...new Set(ids)];
}

/** Reads the token that a text starts with. @throws ModelError `INVALID_CONFIG` */
export function readBosTokenId(
  { sources, vocabSize }: TokenIdSources,
  defaultId: number | undefined,
): number | undefined {
  const holder = sources.find((fields) => fields?.has("bos_token_id"));
  if (holder === undefined) {
    return sources.some((fields) => fields?.raw("bos_token_id") === null) ? undefined : defaultId;
  }
  return holder.integer("bos_token_id", { min: 0, max: vocabSize - 1 });
}

function isTokenId(value: unknown, vocabSize: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < vocabSize;
}
