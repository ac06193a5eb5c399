import type { AnswerPart } from "../../../parsers/part-sink.ts";
import { partsOf, type TokenDelta } from "../../../operations/token-delta.ts";
import { role, toFinishReason } from "./chat-parts.ts";
import { toChatLogprobs } from "./logprobs.ts";

/** The delta of one part. */
function partDelta(part: AnswerPart): object {
  switch (part.type) {
    case "content":
      return { content: part.text };
    case "reasoning":
      return { reasoning_content: part.text, reasoning: part.text };
    case "call": {
      const { callIndex: index, id, name } = part;
      return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    }
    case "arguments":
      return { tool_calls: [{ index: part.callIndex, function: { arguments: part.text } }] };
  }
}

interface ChoiceRest {
  readonly logprobs?: object | null;
  readonly finishReason?: string | null;
}

/** The chunks of one streamed answer. */
export class StreamedAnswer {
  readonly #index: number;
  readonly #hasReasoning: boolean;
  #hasBegun = false;
  #hasCalls = false;

  constructor(index: number, hasReasoning: boolean) {
    this.#index = index;
    this.#hasReasoning = hasReasoning;
  }

  /** The choices of one delta: the role before the first text, the reason of the end after the last one. */
  choices(delta: TokenDelta): string[] {
    const { text, parts, logprobs, finishReason } = delta;
    const choices: string[] = [];
    if (!this.#hasBegun) choices.push(this.#choice({ role, content: "" }));
    this.#hasBegun = true;
    const hasLogprobs = logprobs !== undefined && logprobs.length > 0;
    if (parts === undefined && !hasLogprobs) {
      if (text !== "") choices.push(this.#content(text));
    } else {
      this.#pushParts(choices, delta, hasLogprobs ? toChatLogprobs(logprobs) : null);
    }
    if (finishReason !== undefined) {
      choices.push(this.#choice({}, { finishReason: toFinishReason(finishReason, this.#hasCalls) }));
    }
    return choices;
  }

  /** One chunk for each part; the log-probabilities of all tokens are in the first. */
  #pushParts(choices: string[], delta: TokenDelta, logprobs: object | null): void {
    const parts = partsOf(delta).filter(({ type }) => this.#hasReasoning || type !== "reasoning");
    this.#hasCalls ||= parts.some(({ type }) => type === "call");
    const deltas = parts.length === 0 && logprobs !== null ? [{ content: "" }] : parts.map(partDelta);
    for (const [at, each] of deltas.entries()) {
      choices.push(this.#choice(each, { logprobs: at === 0 ? logprobs : null }));
    }
  }

  /** One for each token: docs/decisions/0012-json-by-hand.md. */
  #content(text: string): string {
    return `{"index":${this.#index},"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}`;
  }

  #choice(delta: object, { logprobs = null, finishReason = null }: ChoiceRest = {}): string {
    return JSON.stringify({ index: this.#index, delta, logprobs, finish_reason: finishReason });
  }
}
