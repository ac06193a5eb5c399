import { ConfigFields } from "../config/config-fields.ts";
import { quoteValue } from "../errors.ts";

/** What an adapter's config says of its modules. */
export interface AdapterConfig {
  /** The factor of a module's change, by its name in transformers and its rank. */
  scalingOf(moduleName: string, rank: number): number;
  /** The rank that a module should have. */
  rankOf(moduleName: string): number;
}

const largestRank = 2 ** 16;
const largestAlpha = 1e6;

/** Ways to initialize an adapter that leave the base model as it is. The others are of another base. */
const plainInitializations: readonly unknown[] = [true, false, "gaussian", "eva", "orthogonal", "mica"];

/** Fields that change what an adapter computes, and the values that do not. */
const unusedFields: Readonly<Record<string, readonly unknown[]>> = {
  use_dora: [false],
  use_qalora: [false],
  lora_bias: [false],
  bias: ["none"],
  modules_to_save: [],
  trainable_token_indices: [],
  layer_replication: [],
  target_parameters: [],
  alora_invocation_tokens: [],
  arrow_config: [],
  kasa_config: [],
  use_bdlora: [false],
  velora_config: [],
  monteclora_config: [],
  init_lora_weights: plainInitializations,
};

/**
 * Reads `adapter_config.json` of `peft`. What the targets are follows from the tensors.
 *
 * @throws ModelError `INVALID_CONFIG`, `UNSUPPORTED_ADAPTER` for another method than LoRA, or a variant of it
 * @see peft, `tuners/lora/config.py`
 */
export function parseAdapterConfig(raw: unknown, file: string): AdapterConfig {
  const fields = new ConfigFields(raw, file);
  if (fields.raw("peft_type") !== "LORA") {
    throw fields.invalid("peft_type", '"LORA"', { code: "UNSUPPORTED_ADAPTER" });
  }
  for (const [name, usual] of Object.entries(unusedFields)) {
    const value = fields.raw(name);
    if (!fields.has(name) || usual.includes(value) || (Array.isArray(value) && value.length === 0)) continue;
    const expected = usual.length === 0 ? "nothing" : usual.map(quoteValue).join(" or ");
    throw fields.invalid(name, expected, { code: "UNSUPPORTED_ADAPTER" });
  }
  const rank = fields.integer("r", { max: largestRank });
  const alpha = fields.number("lora_alpha", { min: -largestAlpha, max: largestAlpha });
  const hasRootScaling = fields.boolean("use_rslora", false);
  const rankOf = readPattern(fields, "rank_pattern", (inner, key) =>
    inner.integer(key, { max: largestRank }),
  );
  const alphaOf = readPattern(fields, "alpha_pattern", (inner, key) =>
    inner.number(key, { min: -largestAlpha, max: largestAlpha }),
  );
  return {
    rankOf: (moduleName) => rankOf(moduleName) ?? rank,
    scalingOf: (moduleName, ownRank) =>
      (alphaOf(moduleName) ?? alpha) / (hasRootScaling ? Math.sqrt(ownRank) : ownRank),
  };
}

/** The first of a pattern's entries that a module's name ends with, or is, if the key begins with `^`. */
function readPattern(
  fields: ConfigFields,
  name: string,
  read: (inner: ConfigFields, key: string) => number,
): (moduleName: string) => number | undefined {
  const inner = fields.object(name);
  const entries = (inner?.names() ?? []).map((key) => {
    // A regular expression, which may be made to take for ever.
    if (!/^\^?[\w.-]+$/.test(key)) {
      const advice = "expressions are not supported; write an entry for each module";
      const expected = "names of modules, or the ends of some, as keys";
      throw fields.invalid(name, expected, { code: "UNSUPPORTED_ADAPTER", got: quoteValue(key), advice });
    }
    return { key, value: read(inner!, key) };
  });
  return (moduleName) =>
    entries.find(({ key }) =>
      key.startsWith("^")
        ? moduleName === key.slice(1)
        : moduleName === key || moduleName.endsWith(`.${key}`),
    )?.value;
}
