import type { ConfigFields } from "./config-fields.ts";
import type { Activation } from "./model-config.ts";

/** By the names of transformers, `activations.py`. */
const activations: ReadonlyMap<unknown, Activation> = new Map<string, Activation>([
  ["silu", "silu"],
  ["swish", "silu"],
  ["gelu", "gelu"],
  ["gelu_new", "gelu_tanh"],
  ["gelu_fast", "gelu_tanh"],
  ["gelu_pytorch_tanh", "gelu_tanh"],
  ["quick_gelu", "quick_gelu"],
]);

/** Where a config names the function of its MLP, and what it is where the config does not. */
export interface ActivationRule {
  readonly field: string;
  readonly default: Activation;
}

/** Reads the function of the MLP. @throws ModelError `UNSUPPORTED_ACTIVATION` */
export function readActivation(config: ConfigFields, rule: ActivationRule): Activation {
  if (!config.has(rule.field)) return rule.default;
  const activation = activations.get(config.raw(rule.field));
  if (activation !== undefined) return activation;
  const names = [...activations.keys()].join(", ");
  throw config.invalid(rule.field, `one of ${names}`, { code: "UNSUPPORTED_ACTIVATION" });
}
