import type { EngineSettings, ModelSettings } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import { servedModel } from "../conversation/served-model.ts";
import { withOptionNames } from "../conversation/option-names.ts";
import { startAnswer, type StartedAnswer } from "../conversation/start-answer.ts";
import type { ModelService, ServedModel } from "../models/model-service.ts";
import { createChatAnswer, type ChatAnswer } from "./chat-answer.ts";
import { toTemplateMessages, type ChatMessage } from "./chat-messages.ts";
import { readChatOptions, type ChatOptions } from "./chat-options.ts";
import { startModels, type StartOptions } from "./start-models.ts";

/** How a model is opened: the settings of `docs/configuration.md`, and where it runs. */
export interface OpenOptions extends Partial<Omit<ModelSettings, "path">>, StartOptions {
  readonly engine?: Partial<EngineSettings> | undefined;
}

/** A model in this program. */
export interface OpenModel extends AsyncDisposable {
  readonly id: string;
  readonly model: ServedModel;
  /** For calls of operations, and for `createInfernode` of the AI SDK. */
  readonly service: ModelService;
  /**
   * Asks for an answer to a conversation. Nothing runs before it is read.
   * @param messages a text is the message of a user
   * @throws EngineRequestError `INVALID_REQUEST` for messages and options of the wrong form
   */
  chat<Value = unknown>(
    messages: string | readonly ChatMessage[],
    options?: ChatOptions<Value>,
  ): ChatAnswer<Value>;
  /** Aborts running answers and ends the engine. Without it the program does not end by itself. */
  close(): Promise<void>;
}

/**
 * Loads a model: a Hugging Face directory, a GGUF file, a prepared model, or `embedded` for the bundled one.
 * @throws BackendError `INVALID_CONFIG`, `MODEL_NOT_FOUND`, `MODEL_LOAD_FAILED`, `ENGINE_START_FAILED`,
 * `ENGINE_START_TIMEOUT`
 */
export async function open(path: string, options: OpenOptions = {}): Promise<OpenModel> {
  if (typeof path !== "string" || path === "") {
    throw new BackendError("INVALID_CONFIG", `expected the path of a model, got ${JSON.stringify(path)}`);
  }
  const { isInline, events, onOutput, engine = {}, ...settings } = options;
  const service = await startModels({ model: { path, ...settings }, engine }, { isInline, events, onOutput });
  const [{ id } = { id: "" }] = service.models();
  const model = servedModel(service, id);
  const close = (): Promise<void> => service.dispose();
  return {
    id,
    model,
    service,
    chat: (messages, chatOptions = {}) => {
      const { schema, signal, toConversation } = readChatOptions(chatOptions);
      const conversation = { messages: toTemplateMessages(messages), ...toConversation(model) };
      const start = async (): Promise<StartedAnswer> => {
        try {
          return await startAnswer(service, conversation, { modelId: id, signal });
        } catch (error) {
          throw withOptionNames(error);
        }
      };
      return createChatAnswer(start, schema);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
