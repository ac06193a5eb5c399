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

/** The answer to a request that does not stream. */
export function wholeAnswer(
  head: AnswerHead,
  answer: { readonly object: string; readonly choices: readonly object[]; readonly usage: Usage },
): object {
  const { object, choices, usage } = answer;
  return { ...headFields(head, object), choices, usage };
}
