import type { NormStyle, QkNorm } from "../config/model-config.ts";
import type { ActivationRule } from "../config/read-activation.ts";
import { oneRotary, type RotaryRule } from "../config/read-rotary.ts";
import type { SlidingWindowRule } from "../config/read-sliding-windows.ts";
import type { WidthDefaults } from "../config/read-widths.ts";

/** What differs between families: the defaults of their config classes, and what no config field controls. */
export interface FamilyRules {
  /** What configs call fields that have another name in most families, by that name. */
  readonly fieldNames: Readonly<Record<string, string>>;
  readonly widths: WidthDefaults;
  /** The width of MLPs as a multiple of the hidden size, where a config does not say it; `undefined` where all do. */
  readonly intermediateFactor: number | undefined;
  readonly contextTokens: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly hasTiedEmbeddings: boolean;
  readonly norm: Omit<NormStyle, "epsilon"> & {
    /** The field with the epsilon, and its default. */
    readonly epsilonField: string;
    readonly epsilon: number;
  };
  readonly activation: ActivationRule;
  /** `by-config`: `attention_bias` decides for all four projections. */
  readonly attentionBias: "none" | "qkv" | "by-config";
  readonly mlpBias: "none" | "by-config";
  readonly qkNorm: QkNorm;
  readonly slidingWindow: SlidingWindowRule;
  readonly rotary: RotaryRule;
}

/** What most families have in common; a family states what differs. */
export const commonRules: FamilyRules = {
  fieldNames: {},
  widths: { kvHeadCount: undefined, headDim: undefined },
  intermediateFactor: undefined,
  contextTokens: 2048,
  bosTokenId: 1,
  eosTokenId: 2,
  hasTiedEmbeddings: false,
  norm: { kind: "rms", weightOffset: 0, hasBias: false, epsilonField: "rms_norm_eps", epsilon: 1e-6 },
  activation: { field: "hidden_act", default: "silu" },
  attentionBias: "none",
  mlpBias: "none",
  qkNorm: "none",
  slidingWindow: "none",
  rotary: oneRotary,
};
