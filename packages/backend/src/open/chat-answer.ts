import { isRecord } from "../is-record.ts";
import type { AnswerEnd, AnswerEvent, StartedAnswer } from "../conversation/start-answer.ts";
import { createResolvers } from "../create-resolvers.ts";
import { BackendError } from "../errors.ts";
import type { AnswerUsage } from "../operations/token-delta.ts";
import type { AnswerPart } from "../parsers/part-sink.ts";
import { GrowingText } from "../text/growing-text.ts";
import type { ChatCall, ChatMessage } from "./chat-messages.ts";
import type { AnswerSchema } from "./typed-schema.ts";

/** A whole answer. */
export interface ChatResult {
  readonly text: string;
  /** Empty where the model does not reason. */
  readonly reasoning: string;
  readonly calls: readonly ChatCall[];
  /** `calls`: it called tools; `length`: it was cut off. */
  readonly finishReason: AnswerEnd;
  readonly usage: AnswerUsage & { readonly reasoningTokens: number };
  /** Tokens that were cut off the beginning of the prompt, where the options allow it. */
  readonly truncatedTokenCount: number;
  /** The answer as a message, to continue the conversation. */
  readonly message: Extract<ChatMessage, { readonly role: "assistant" }>;
}

/**
 * An answer. The model is asked when it is read for the first time. It is read once, as a stream or as a whole; after
 * a stream has ended, the whole is there too. Leaving a loop, or the signal, stops the work within one step.
 * Reading rejects with BackendError, EngineRequestError or the signal's reason.
 */
export interface ChatAnswer<Value = unknown> extends AsyncIterable<string> {
  /** Pieces of the text: reasoning and calls are left out. */
  [Symbol.asyncIterator](): AsyncIterator<string, void, undefined>;
  /** Everything as it comes: content, reasoning, calls. */
  parts(): AsyncIterable<AnswerPart>;
  /** The whole text. */
  text(): Promise<string>;
  /** The value of the text. @throws BackendError `INVALID_ANSWER` where it was cut off; `INVALID_STATE` without `schema` */
  value(): Promise<Value>;
  /** The whole answer. */
  result(): Promise<ChatResult>;
}

interface CollectedCall {
  readonly id: string;
  readonly name: string;
  readonly text: GrowingText;
}

function toCall({ id, name, text }: CollectedCall): ChatCall {
  const argumentsText = text.toString();
  let value: unknown;
  try {
    value = JSON.parse(argumentsText);
  } catch {
    // Not JSON: `undefined`.
  }
  return { id, name, arguments: isRecord(value) ? value : undefined, argumentsText };
}

/** Collects parts. */
class Collection {
  readonly #text = new GrowingText();
  readonly #reasoning = new GrowingText();
  readonly #calls: CollectedCall[] = [];

  add(part: AnswerPart): void {
    if (part.type === "content") this.#text.push(part.text);
    if (part.type === "reasoning") this.#reasoning.push(part.text);
    if (part.type === "call") {
      this.#calls[part.callIndex] = { id: part.id, name: part.name, text: new GrowingText() };
    }
    if (part.type === "arguments") this.#calls[part.callIndex]?.text.push(part.text);
  }

  toResult(
    { reason, usage }: Extract<AnswerEvent, { readonly type: "finished" }>,
    truncatedTokenCount: number,
  ): ChatResult {
    const text = this.#text.toString();
    const reasoning = this.#reasoning.toString();
    const calls = this.#calls.map(toCall);
    const message: ChatResult["message"] = {
      role: "assistant",
      content: text === "" && calls.length > 0 ? null : text,
      ...(reasoning === "" ? {} : { reasoning }),
      ...(calls.length === 0 ? {} : { calls }),
    };
    return { text, reasoning, calls, finishReason: reason, usage, truncatedTokenCount, message };
  }
}

/** Creates an answer. @param start asks the model */
export function createChatAnswer<Value>(
  start: () => Promise<StartedAnswer>,
  schema: AnswerSchema<Value> | undefined,
): ChatAnswer<Value> {
  const whole = createResolvers<ChatResult>();
  // Whoever reads a stream learns of its failure there.
  whole.promise.catch(() => undefined);
  let isRead = false;

  async function* read(): AsyncGenerator<AnswerPart, void, undefined> {
    const collection = new Collection();
    let isOver = false;
    try {
      const { events, truncatedTokenCount } = await start();
      for await (const event of events) {
        if (event.type === "finished") whole.resolve(collection.toResult(event, truncatedTokenCount));
        if (event.type === "finished" || event.type === "restarted") continue;
        collection.add(event);
        yield event;
      }
      isOver = true;
    } catch (error) {
      isOver = true;
      whole.reject(error);
      throw error;
    } finally {
      if (!isOver) {
        const message = "expected an answer that is read to its end, got one whose reader left";
        whole.reject(new BackendError("INVALID_STATE", message));
      }
    }
  }
  const parts = (): AsyncGenerator<AnswerPart, void, undefined> => {
    if (isRead) {
      throw new BackendError(
        "INVALID_STATE",
        "expected an answer that is streamed once, got a second reader",
      );
    }
    isRead = true;
    return read();
  };
  async function* texts(stream: AsyncIterable<AnswerPart>): AsyncGenerator<string, void, undefined> {
    for await (const part of stream) if (part.type === "content") yield part.text;
  }
  const drain = async (): Promise<void> => {
    for await (const _ of parts());
  };
  const result = (): Promise<ChatResult> => {
    // A failure is that of the whole.
    if (!isRead) drain().catch(() => undefined);
    return whole.promise;
  };
  return {
    parts,
    [Symbol.asyncIterator]: () => texts(parts()),
    result,
    text: async () => (await result()).text,
    value: async () => {
      if (schema === undefined) {
        throw new BackendError("INVALID_STATE", "expected the option `schema`, got none");
      }
      const { text, finishReason } = await result();
      if (finishReason === "stop") return schema.parse(text);
      const got = finishReason === "length" ? "one that was cut off by its length" : "calls of tools";
      throw new BackendError("INVALID_ANSWER", `expected an answer that ends as its schema says, got ${got}`);
    },
  };
}
