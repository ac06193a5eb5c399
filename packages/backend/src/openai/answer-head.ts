import type { Usage } from "./usage.ts";

/** What all chunks of one stream, and the whole answer, have in common. */
export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly systemFingerprint: string;
}

/** The first fields of a chunk or a whole answer, in OpenAI's order. */
export function headFields(head: AnswerHead, object: string): object {
  const { id, created, model, systemFingerprint } = head;
  return { id, object, created, model, system_fingerprint: systemFingerprint };
}

/** JSON texts as the elements of one array, without its brackets. */
export function* withCommas(elements: readonly string[]): Generator<string> {
  for (const [index, element] of elements.entries()) yield index === 0 ? element : `,${element}`;
}

/**
 * The answer to a request that does not stream, as JSON text in pieces. Log-probabilities make it tens of
 * megabytes, which would hold up the event loop if they were made into text all at once.
 * @param answer each choice as the pieces of its JSON text
 */
export function wholeAnswer(
  head: AnswerHead,
  answer: {
    readonly object: string;
    readonly choices: readonly Iterable<string>[];
    readonly usage: Usage;
  },
): readonly string[] {
  const { object, choices, usage } = answer;
  const pieces = [`${JSON.stringify(headFields(head, object)).slice(0, -1)},"choices":[`];
  for (const [index, choice] of choices.entries()) {
    if (index > 0) pieces.push(",");
    for (const piece of choice) pieces.push(piece);
  }
  pieces.push(`],"usage":${JSON.stringify(usage)}}`);
  return pieces;
}
