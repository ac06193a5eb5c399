import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3StreamPart,
  SharedV3ProviderMetadata,
  SharedV3Warning,
} from "@ai-sdk/provider";
import { withOptionNames } from "../conversation/option-names.ts";
import { servedModel } from "../conversation/served-model.ts";
import { startAnswer, type StartedAnswer } from "../conversation/start-answer.ts";
import type { ModelService } from "../models/model-service.ts";
import { toEnd, unknownUsage } from "./answer-ends.ts";
import { readCall } from "./call.ts";
import { StreamWriter } from "./stream-writer.ts";
import { collectAnswer } from "./whole-answer.ts";

/** The service of a model; it is asked for at each call. */
export type FindService = () => Promise<Pick<ModelService, "models" | "call">>;

interface Begun {
  readonly answer: StartedAnswer;
  readonly warnings: SharedV3Warning[];
  readonly response: { readonly id: string; readonly modelId: string; readonly timestamp: Date };
  readonly providerMetadata?: SharedV3ProviderMetadata;
}

/** The parts of a stream. A failure is a part, too; the reason of the signal is thrown. */
async function* writeStream(
  { answer, warnings, response, providerMetadata }: Begun,
  { includeRawChunks: hasRaw = false, abortSignal: signal }: LanguageModelV3CallOptions,
): AsyncGenerator<LanguageModelV3StreamPart, void, undefined> {
  const writer = new StreamWriter();
  yield { type: "stream-start", warnings };
  yield { type: "response-metadata", ...response };
  try {
    for await (const event of answer.events) {
      if (hasRaw) yield { type: "raw", rawValue: event };
      for (const part of writer.write(event)) {
        yield part.type === "finish" && providerMetadata !== undefined ? { ...part, providerMetadata } : part;
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    yield { type: "error", error };
    const finishReason = { unified: "error" as const, raw: undefined };
    yield { type: "finish", finishReason, usage: unknownUsage };
  }
}

function toReadable<Part>(
  parts: AsyncGenerator<Part, void, undefined>,
  close: () => Promise<void>,
): ReadableStream<Part> {
  return new ReadableStream<Part>({
    pull: async (controller) => {
      const { value, done } = await parts.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: close,
  });
}

/** Creates a language model of the AI SDK, for one model of a service. */
export function createLanguageModel(modelId: string, findService: FindService): LanguageModelV3 {
  const begin = async (options: LanguageModelV3CallOptions, canRestart: boolean): Promise<Begun> => {
    const { abortSignal: signal } = options;
    const service = await findService();
    const { conversation, warnings } = readCall(options, servedModel(service, modelId));
    const asked = { ...conversation, generation: { ...conversation.generation, canRestart } };
    try {
      const answer = await startAnswer(service, asked, { modelId, signal });
      const { truncatedTokenCount } = answer;
      return {
        answer,
        warnings,
        response: { id: asked.generation.id, modelId: answer.modelId, timestamp: new Date() },
        ...(truncatedTokenCount > 0 && { providerMetadata: { infernode: { truncatedTokenCount } } }),
      };
    } catch (error) {
      throw withOptionNames(error);
    }
  };
  return {
    specificationVersion: "v3",
    provider: "infernode",
    modelId,
    supportedUrls: {},
    doGenerate: async (options) => {
      // A whole answer can be generated again after a crash.
      const { answer, warnings, response, providerMetadata } = await begin(options, true);
      const { content, finished } = await collectAnswer(answer);
      return {
        content,
        ...toEnd(finished),
        warnings,
        response,
        ...(providerMetadata && { providerMetadata }),
      };
    },
    doStream: async (options) => {
      const begun = await begin(options, false);
      return { stream: toReadable(writeStream(begun, options), () => begun.answer.close()) };
    },
  };
}
