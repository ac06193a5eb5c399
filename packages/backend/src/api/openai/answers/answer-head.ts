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
export function* withCommas(elements: Iterable<string>): Generator<string> {
  let isFirst = true;
  for (const element of elements) {
    yield isFirst ? element : `,${element}`;
    isFirst = false;
  }
}

/**
 * The answer to a request that does not stream, as JSON text in pieces, each made when it is asked for.
 * Log-probabilities make it hundreds of megabytes, which no one piece of memory has to hold.
 * @param answer each choice as the pieces of its JSON text
 */
export function* wholeAnswer(
  head: AnswerHead,
  answer: {
    readonly object: string;
    readonly choices: readonly Iterable<string>[];
    readonly usage: Usage;
  },
): Generator<string> {
  const { object, choices, usage } = answer;
  yield `${JSON.stringify(headFields(head, object)).slice(0, -1)},"choices":[`;
  for (const [index, choice] of choices.entries()) {
    if (index > 0) yield ",";
    yield* choice;
  }
  yield `],"usage":${JSON.stringify(usage)}}`;
}
