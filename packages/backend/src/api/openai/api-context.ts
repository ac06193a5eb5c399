import { createHash } from "node:crypto";
import type { AnswerBudget } from "./answer-budget.ts";
import type { EngineClient, ServedModel } from "../../engine/engine-client.ts";
import type { AnswerHead } from "./answer-head.ts";
import { ApiError } from "./api-error.ts";
import { engineUnavailable } from "./engine-error.ts";
import { describeValue } from "./describe-value.ts";

/** What operations work with. */
export interface OperationContext {
  readonly engine: EngineClient;
  readonly clock: { now(): number; epochMs(): number };
  readonly ids: () => string;
  /** Answers (prompts times `n`) that one request may ask for. */
  readonly maxChoices: number;
  readonly answers: AnswerBudget;
  /** Of the product. */
  readonly version: string;
}

/** Finds the model that a request names. @throws ApiError 404 `model_not_found`, 503 while none is loaded */
export function findModel(engine: EngineClient, id: string): ServedModel {
  const { model } = engine;
  if (model === undefined) {
    const reasons = engine.reasons();
    throw engineUnavailable(reasons.length > 0 ? reasons.join("; ") : `the engine is ${engine.state}`);
  }
  if (model.id !== id) {
    throw new ApiError(
      `The model ${describeValue(id)} does not exist; this server has ${describeValue(model.id)}`,
      {
        status: 404,
        type: "invalid_request_error",
        code: "model_not_found",
        param: "model",
      },
    );
  }
  return model;
}

/** Changes when the same seed may give another text: another model, executor or version. */
function systemFingerprint(model: ServedModel, version: string): string {
  const parts = [version, model.id, model.family, model.parameterCount, model.executor, model.contextTokens];
  return `fp_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 10)}`;
}

/** What an answer that begins now says of itself. */
export function createAnswerHead(id: string, model: ServedModel, context: OperationContext): AnswerHead {
  return {
    id,
    created: Math.floor(context.clock.epochMs() / 1000),
    model: model.id,
    systemFingerprint: systemFingerprint(model, context.version),
  };
}
