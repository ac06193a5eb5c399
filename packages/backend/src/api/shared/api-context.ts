import type { ModelService } from "../../models/model-service.ts";
import type { AnswerBudget } from "./answer-budget.ts";

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
