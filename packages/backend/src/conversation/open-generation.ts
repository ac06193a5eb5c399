import { BackendError, EngineRequestError } from "../errors.ts";
import type { CallOptions, ModelService } from "../models/model-service.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../operations/generate.ts";

/** A request, and whether its length is a default, which may be lowered where the context has no room for it. */
export interface AdmissionRequest {
  readonly request: GenerateInput;
  readonly isMaxTokensDefault: boolean;
}

/** A request that the engine has queued. */
export interface OpenGeneration {
  readonly accepted: Extract<GenerateEvent, { readonly type: "accepted" }>;
  /** Ends with `finished`. Leaving the loop stops the work. */
  readonly events: AsyncIterator<GenerateEvent>;
}

/** Creates the error of an engine that does not keep to the order of events. */
export function protocolError(got: string): BackendError {
  return new BackendError(
    "ENGINE_PROTOCOL",
    `expected the engine's events to begin with accepted and to end with finished, got ${got}`,
  );
}

/** Without a length the engine generates up to the end of the context, which is nearer than the default. */
function hasRoomForLess(error: unknown): boolean {
  if (!(error instanceof EngineRequestError) || error.code !== "CONTEXT_LENGTH_EXCEEDED") return false;
  const { promptTokens, contextTokens } = error.data;
  return (
    typeof promptTokens === "number" && typeof contextTokens === "number" && promptTokens < contextTokens
  );
}

function withoutMaxTokens(request: GenerateInput): GenerateInput {
  return { ...request, stopping: { ...request.stopping, maxTokens: undefined } };
}

/**
 * Sends a request to the engine and resolves when it is queued there.
 * @throws what the engine throws; the signal's reason
 */
export async function openGeneration(
  service: Pick<ModelService, "call">,
  { request, isMaxTokensDefault }: AdmissionRequest,
  options: CallOptions,
): Promise<OpenGeneration> {
  const first = async (asked: GenerateInput): Promise<OpenGeneration> => {
    const events = service.call(generate, asked, options)[Symbol.asyncIterator]();
    const { value, done } = await events.next();
    if (done !== true && value.type === "accepted") return { accepted: value, events };
    throw protocolError(done === true ? "nothing" : value.type);
  };
  try {
    return await first(request);
  } catch (error) {
    if (!isMaxTokensDefault || request.stopping?.maxTokens === undefined || !hasRoomForLess(error)) {
      throw error;
    }
    return first(withoutMaxTokens(request));
  }
}
