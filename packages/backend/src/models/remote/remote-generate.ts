import { BackendError, EngineRequestError } from "../../errors.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../operations/generate.ts";
import type { AnswerUsage, TokenDelta } from "../../operations/token-delta.ts";
import { parseChunk, type AskedFor } from "./parse-chunk.ts";
import { endOfEvents } from "./remote-client.ts";
import { protocolError } from "./remote-error.ts";
import type { RemoteOperation, RemoteParts as Parts } from "./remote-operation.ts";
import { RemoteParts } from "./remote-parts.ts";
import { readTokenIds } from "./remote-tokenize.ts";
import { writeGeneration } from "./write-request.ts";

/** Maximum characters per token, averaged over an answer. */
const maxTokenCharacters = 1024;
/** A token may end one part of an answer and begin another. */
const maxTokenEvents = 3;
/** Events of an answer that contain no token, such as its role and its end. */
const spareEvents = 16;

/** Tracks the answers and enforces the limits of the request. */
class Progress {
  readonly #asked: AskedFor;
  /** Per answer; `Infinity` if unknown. */
  readonly #maxTokens: number;
  readonly #characters: number[];
  readonly #finished = new Set<number>();
  #eventCount = 0;
  usage: AnswerUsage | undefined;

  constructor(asked: AskedFor, maxTokens: number) {
    this.#asked = asked;
    this.#maxTokens = maxTokens;
    this.#characters = Array.from({ length: asked.n }, () => 0);
  }

  get isFinished(): boolean {
    return this.#finished.size === this.#asked.n && this.usage !== undefined;
  }

  /** @throws BackendError `ENGINE_PROTOCOL` if a server never ends its stream */
  countEvent(): void {
    this.#eventCount += 1;
    const most = this.#asked.n * (maxTokenEvents * this.#maxTokens + spareEvents) + spareEvents;
    if (this.#eventCount > most) throw protocolError(`at most ${most} events`, "more");
  }

  add({ index, text, parts = [], finishReason }: TokenDelta): void {
    const added = parts.reduce(
      (sum, part) => sum + ("text" in part ? part.text : part.name).length,
      text.length,
    );
    const characters = (this.#characters[index] ?? 0) + added;
    this.#characters[index] = characters;
    if (characters > this.#maxTokens * maxTokenCharacters) {
      throw protocolError(`text of at most ${this.#maxTokens} tokens`, `${characters} characters`);
    }
    if (this.#finished.has(index) && added > 0) {
      throw protocolError("nothing after an answer's end", "text");
    }
    if (finishReason !== undefined) this.#finished.add(index);
  }

  addUsage(usage: AnswerUsage): void {
    const before = this.#asked.dialect.hasUsagePerAnswer ? (this.usage?.completionTokens ?? 0) : 0;
    this.usage = { ...usage, completionTokens: before + usage.completionTokens };
  }
}

function isEmpty({ text, parts, tokenIds, logprobs, finishReason }: TokenDelta): boolean {
  return (
    text === "" &&
    parts === undefined &&
    tokenIds.length === 0 &&
    logprobs === undefined &&
    finishReason === undefined
  );
}

/**
 * Without `maxTokens`, an answer continues to the end of the context, as in a local engine. Servers have a short
 * default for completions, so the prompt is tokenized first to compute the length. Chats use the server's default.
 */
async function withLength(parts: Parts, input: GenerateInput, signal: AbortSignal): Promise<GenerateInput> {
  const { prompt, stopping } = input;
  const { dialect, served } = parts.model;
  if (stopping?.maxTokens !== undefined || prompt.kind === "chat" || dialect.isLengthOpen) return input;
  const { contextTokens } = served;
  if (contextTokens === undefined || (prompt.kind === "text" && dialect.tokenizer === undefined)) {
    const message = "`stopping.maxTokens`: expected an integer, as the server has a short default of its own";
    throw new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param: "stopping.maxTokens" });
  }
  const tokenIds = prompt.kind === "tokens" ? prompt.tokenIds : await readTokenIds(parts, prompt, signal);
  // If the prompt leaves no room, the server rejects it and reports the lengths.
  const maxTokens = Math.max(1, contextTokens - tokenIds.length);
  return { ...input, prompt: { kind: "tokens", tokenIds }, stopping: { ...stopping, maxTokens } };
}

async function* run(parts: Parts, given: GenerateInput, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
  const { client, model, clock } = parts;
  const { dialect, served } = model;
  const startedAtMs = clock.now();
  const input = await withLength(parts, given, signal);
  const { id: requestId, n = 1, logprobs, stopping } = input;
  const request = writeGeneration(input, served.id, dialect);
  const events = await client.openEvents({ ...request, signal, requestId, dialect });
  yield { type: "accepted", promptTokenCount: undefined };
  const asked = { n, logprobs, dialect, parts: Array.from({ length: n }, () => new RemoteParts()) };
  const progress = new Progress(
    asked,
    stopping?.maxTokens ?? served.contextTokens ?? Number.POSITIVE_INFINITY,
  );
  let firstTokenAtMs: number | undefined;
  for await (const data of events) {
    if (data === endOfEvents) break;
    progress.countEvent();
    const chunk = parseChunk(data, asked);
    if (chunk.usage !== undefined) progress.addUsage(chunk.usage);
    for (const delta of chunk.deltas) {
      progress.add(delta);
      if (isEmpty(delta)) continue;
      firstTokenAtMs ??= clock.now();
      yield { type: "delta", delta };
      signal.throwIfAborted();
    }
  }
  const { usage, isFinished } = progress;
  if (!isFinished || usage === undefined) {
    throw new BackendError(
      "ENGINE_CRASHED",
      "the server's answer ended before its finish reason and its usage",
    );
  }
  const timings = {
    queuedMs: undefined,
    timeToFirstTokenMs: firstTokenAtMs === undefined ? undefined : firstTokenAtMs - startedAtMs,
    totalMs: clock.now() - startedAtMs,
  };
  yield { type: "finished", usage, timings };
}

/** Continues a prompt by `/v1/chat/completions` or `/v1/completions`. */
export const remoteGenerate: RemoteOperation<GenerateInput, GenerateEvent> = { name: generate.name, run };
