import { createHash } from "node:crypto";
import type { AnswerBudget } from "./answer-budget.ts";
import type { ModelService, ServedModel } from "../../models/model-service.ts";
import type { AnswerHead } from "../openai/answers/answer-head.ts";
import { ApiError } from "./api-error.ts";
import { engineUnavailable } from "./to-api-error.ts";
import { describeValue } from "../../text/describe-value.ts";

/** What codecs work with. */
export interface ApiContext {
  readonly service: ModelService;
  readonly clock: { now(): number; epochMs(): number };
  readonly ids: () => string;
  /** Answers (prompts times `n`) that one request may ask for. */
  readonly maxChoices: number;
  readonly answers: AnswerBudget;
  /** Of the product. */
  readonly version: string;
}

/** The model of a request that names none. */
export function defaultModelId(service: ModelService): string {
  return service.models().find(({ model }) => model !== undefined)?.model?.id ?? "";
}

/** Finds the model that a request names. @throws ApiError 404 `model_not_found`, 503 while none is loaded */
export function findModel(service: ModelService, id: string): ServedModel {
  const statuses = service.models();
  const loaded = statuses.flatMap(({ model }) => (model === undefined ? [] : [model]));
  const found = loaded.find((model) => model.id === id);
  if (found !== undefined) return found;
  if (loaded.length === 0) {
    const reasons = statuses.flatMap((status) => status.reasons);
    throw engineUnavailable(
      reasons.length > 0 ? reasons.join("; ") : `the engine is ${statuses[0]?.state ?? "not there"}`,
    );
  }
  const ids = loaded.map((model) => describeValue(model.id)).join(", ");
  throw new ApiError(`The model ${describeValue(id)} does not exist; this server has ${ids}`, {
    status: 404,
    type: "invalid_request_error",
    code: "model_not_found",
    param: "model",
  });
}

/** Changes when the same seed may give another text: another model, executor or version. */
function systemFingerprint(model: ServedModel, version: string): string {
  const parts = [version, model.id, model.family, model.parameterCount, model.executor, model.contextTokens];
  return `fp_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 10)}`;
}

/** What an answer that begins now says of itself. */
export function createAnswerHead(id: string, model: ServedModel, context: ApiContext): AnswerHead {
  return {
    id,
    created: Math.floor(context.clock.epochMs() / 1000),
    model: model.id,
    systemFingerprint: systemFingerprint(model, context.version),
  };
}
