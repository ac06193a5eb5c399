import type { FinishReason } from "@infernode/inference";
import type { CallOptions, ModelService } from "../models/model-service.ts";
import { partsOf, type AnswerUsage } from "../operations/token-delta.ts";
import type { AnswerPart } from "../parsers/part-sink.ts";
import { toAdmission, type Conversation } from "./conversation.ts";
import { openGeneration, protocolError, type OpenGeneration } from "./open-generation.ts";
import { servedModel } from "./served-model.ts";

/** Why an answer ended: it called tools, or as the engine says. */
export type AnswerEnd = FinishReason | "calls";

/** What the one answer to a conversation consists of, in order; `finished` comes last. */
export type AnswerEvent =
  | AnswerPart
  /** Only where the conversation allows it (`canRestart`): everything before is void and comes again. */
  | { readonly type: "restarted" }
  | {
      readonly type: "finished";
      readonly reason: AnswerEnd;
      readonly usage: AnswerUsage & { readonly reasoningTokens: number };
    };

/** An answer that the engine has queued. */
export interface StartedAnswer {
  /** The model's own id. */
  readonly modelId: string;
  /** Tokens that were cut off the beginning of the prompt. */
  readonly truncatedTokenCount: number;
  /** Read once; leaving the loop stops the work. */
  readonly events: AsyncIterator<AnswerEvent, void, undefined> & AsyncIterable<AnswerEvent>;
  /** Stops the work, whether or not events were read. */
  close(): Promise<void>;
}

async function* readAnswer({ events }: OpenGeneration): AsyncGenerator<AnswerEvent, void, undefined> {
  let hasCalls = false;
  let reason: FinishReason | undefined;
  try {
    for (;;) {
      const { value: event, done } = await events.next();
      if (done === true) throw protocolError("the end before finished");
      if (event.type === "delta") {
        for (const part of partsOf(event.delta)) {
          hasCalls ||= part.type === "call";
          yield part;
        }
        reason = event.delta.finishReason ?? reason;
      } else if (event.type === "restarted") {
        hasCalls = false;
        yield { type: "restarted" };
      } else if (event.type === "finished") {
        if (reason === undefined) throw protocolError("no reason of the end");
        const end = reason === "stop" && hasCalls ? "calls" : reason;
        yield { type: "finished", reason: end, usage: { reasoningTokens: 0, ...event.usage } };
        return;
      }
    }
  } finally {
    await events.return?.();
  }
}

/**
 * Asks a model of a service for one answer; resolves when the engine has queued the request.
 * @throws BackendError, EngineRequestError; the signal's reason
 */
export async function startAnswer(
  service: Pick<ModelService, "models" | "call">,
  conversation: Conversation,
  { modelId, signal }: CallOptions,
): Promise<StartedAnswer> {
  signal?.throwIfAborted();
  const model = servedModel(service, modelId);
  const opened = await openGeneration(service, toAdmission(conversation, model), {
    modelId: model.id,
    signal,
  });
  const { truncatedTokenCount = 0 } = opened.accepted;
  const events = readAnswer(opened);
  const close = async (): Promise<void> => {
    await events.return();
    // A generator that was not begun does not run its `finally`.
    await opened.events.return?.();
  };
  return { modelId: model.id, truncatedTokenCount, events, close };
}
