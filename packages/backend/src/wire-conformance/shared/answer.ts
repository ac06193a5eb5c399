import { createParser } from "eventsource-parser";
import { CaseEnd } from "./conformance-case.ts";
import { shorten, valueAt } from "./json-values.ts";

/** An event of a stream. */
export interface StreamEvent {
  readonly name: string | undefined;
  readonly data: string;
  /** `undefined` where the data is not JSON. */
  readonly json: unknown;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `undefined` where the text is not JSON. */
  readonly json: unknown;
}

/** Reads JSON; `undefined` where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The events of an answer that is a stream. */
export function eventsOf({ text }: Answer): readonly StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => events.push({ name: event, data, json: parseJson(data) }),
  });
  parser.feed(text);
  // An event that no empty line ends is left out, as clients do.
  return events;
}

/** The JSON of the events, without the mark of the end. */
export function chunksOf(answer: Answer): readonly unknown[] {
  return eventsOf(answer)
    .filter(({ data }) => data !== "[DONE]")
    .map(({ json }) => json);
}

/** The error's message, else the text. */
function reasonOf({ json, text }: Answer): string {
  const message = valueAt(json, "error", "message") ?? valueAt(json, "message") ?? valueAt(json, "detail");
  return shorten(typeof message === "string" ? message : text.trim());
}

/** Describes an answer that is not the expected one. */
export function describeAnswer(answer: Answer): string {
  const reason = reasonOf(answer);
  return reason === "" ? `${answer.status} without a body` : `${answer.status}: ${reason}`;
}

const refusals = new Set([400, 404, 405, 501]);

/**
 * Returns the answer if it is one to a request that a server may refuse.
 * @throws CaseEnd `unsupported` if the server refuses it, `deviates` if it fails
 */
export function supported(answer: Answer): Answer {
  if (refusals.has(answer.status)) throw new CaseEnd("unsupported", describeAnswer(answer));
  return accepted(answer);
}

/** Returns the answer if it is one to a request that clients send and that must not be refused. @throws CaseEnd */
export function accepted(answer: Answer): Answer {
  if (answer.status === 200) return answer;
  throw new CaseEnd("deviates", describeAnswer(answer));
}
