import { invalidValue } from "../api-error.ts";

/** What a token id is, for messages. @param vocabSize `undefined` where a remote server does not report it */
export function tokenIdPhrase(vocabSize: number | undefined): string {
  return vocabSize === undefined ? "a token id" : `a token id from 0 to ${vocabSize - 1}`;
}

/** Whether the vocabulary has this id; one whose size is unknown may have any. */
export function isTokenId(value: unknown, vocabSize: number = Number.POSITIVE_INFINITY): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < vocabSize;
}

/** @throws ApiError 400 that names the first element that is not a token id of the vocabulary */
export function assertTokenIds(
  values: readonly unknown[],
  param: string,
  vocabSize: number | undefined,
): asserts values is readonly number[] {
  const wrongAt = values.findIndex((value) => !isTokenId(value, vocabSize));
  if (wrongAt < 0) return;
  throw invalidValue(`${param}[${wrongAt}]`, tokenIdPhrase(vocabSize), { got: values[wrongAt] });
}
