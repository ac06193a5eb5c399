import type { EmbeddingModelV3, ImageModelV3, LanguageModelV3, ProviderV3 } from "@ai-sdk/provider";
import type { ModelEntry } from "../config/resolve/resolve-config.ts";
import { BackendError } from "../errors.ts";
import type { ModelService } from "../models/model-service.ts";
import { startModels, type StartOptions } from "../open/start-models.ts";
import { createLanguageModel } from "./language-model.ts";
import { noSuchModel } from "./sdk-errors.ts";

type Service = Pick<ModelService, "models" | "call">;

/** Where the models of a provider come from. */
export type InfernodeSettings =
  /** A service that the program disposes of, such as that of `open` or of a daemon. */
  | { readonly service: Service }
  /** Paths by id, or with settings; all are loaded at the first call of one, and belong to the provider. */
  | (StartOptions & { readonly models: Readonly<Record<string, string | ModelEntry>> });

/** A provider of the AI SDK. */
export interface InfernodeProvider extends ProviderV3, AsyncDisposable {
  (modelId: string): LanguageModelV3;
  /** @throws NoSuchModelError */
  languageModel(modelId: string): LanguageModelV3;
  /** @throws NoSuchModelError: no engine embeds yet */
  embeddingModel(modelId: string): EmbeddingModelV3;
  /** @throws NoSuchModelError */
  imageModel(modelId: string): ImageModelV3;
  /** Ends the engines of `models`; a service of the program is left as it is. */
  close(): Promise<void>;
}

/** What a provider asks. */
interface Source {
  /** Ids and aliases; `undefined` while they are not known. */
  names(): readonly string[] | undefined;
  service(): Promise<Service>;
  close(): Promise<void>;
}

function givenSource(service: Service): Source {
  return {
    names: () => {
      const names = service.models().flatMap(({ id, aliases }) => [id].concat(aliases));
      return names.length === 0 ? undefined : names;
    },
    service: async () => service,
    close: async () => undefined,
  };
}

function ownSource(given: Readonly<Record<string, string | ModelEntry>>, options: StartOptions): Source {
  const entries = Object.entries(given).map(
    ([id, entry]) => [id, typeof entry === "string" ? { path: entry } : entry] as const,
  );
  const models = Object.fromEntries(entries);
  const names = entries.flatMap(([id, { aliases = [] }]) => [id].concat(aliases));
  let started: Promise<ModelService> | undefined;
  let isClosed = false;
  const start = (): Promise<ModelService> => {
    const starting = startModels({ models }, options);
    // The next call tries again.
    starting.catch(() => (started = undefined));
    return starting;
  };
  return {
    names: () => names,
    service: () => {
      if (isClosed) {
        throw new BackendError("INVALID_STATE", "expected a provider that is open, got a closed one");
      }
      return (started ??= start());
    },
    close: async () => {
      isClosed = true;
      const service = await started?.catch(() => undefined);
      await service?.dispose();
    },
  };
}

/**
 * Creates a provider of the AI SDK for models of this program: `infernode("id")` is a language model.
 * @throws BackendError `INVALID_CONFIG` for settings of another form
 */
export function createInfernode(settings: InfernodeSettings): InfernodeProvider {
  const hasService = "service" in settings;
  if (hasService === "models" in settings) {
    throw new BackendError("INVALID_CONFIG", "expected either `service` or `models`, got both or neither");
  }
  const source = hasService ? givenSource(settings.service) : ownSource(settings.models, settings);
  const languageModel = (modelId: string): LanguageModelV3 => {
    const names = source.names();
    if (names !== undefined && !names.includes(modelId)) {
      throw noSuchModel(modelId, "languageModel", `there is ${names.join(", ")}`);
    }
    return createLanguageModel(modelId, async () => source.service());
  };
  const close = (): Promise<void> => source.close();
  return Object.assign((modelId: string) => languageModel(modelId), {
    specificationVersion: "v3" as const,
    languageModel,
    embeddingModel: (modelId: string): never => {
      throw noSuchModel(modelId, "embeddingModel", "no engine embeds yet");
    },
    imageModel: (modelId: string): never => {
      throw noSuchModel(modelId, "imageModel", "no engine makes images");
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}
