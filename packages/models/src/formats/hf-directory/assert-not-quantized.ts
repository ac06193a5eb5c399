import { ConfigFields } from "../../config/config-fields.ts";
import { ModelError, quoteValue } from "../../errors.ts";
import type { WeightIndex } from "../../weights/weight-index.ts";

const expected = "weights in F32, F16 or BF16";
const advice = "use the checkpoint that was quantized";
const code = "UNSUPPORTED_QUANTIZATION";

/** Refuses a config that names a quantization method. @throws ModelError `UNSUPPORTED_QUANTIZATION` */
export function assertConfigNotQuantized(rawConfig: unknown, file: string): void {
  const config = new ConfigFields(rawConfig, file);
  const field = config.has("compression_config") ? "compression_config" : "quantization_config";
  const quantization = config.object(field);
  if (quantization === undefined) return;
  const method = quoteValue(quantization.raw("quant_method") ?? "an unknown method");
  throw config.invalid(field, expected, { code, got: `weights quantized by ${method}`, advice });
}

/**
 * Refuses packed weights: GPTQ and AWQ store `….qweight` in place of `….weight`, and the configs of older files do
 * not name the method.
 *
 * @throws ModelError `UNSUPPORTED_QUANTIZATION`
 */
export function assertWeightsNotPacked({ tensors }: WeightIndex): void {
  const suffix = /\.qweight$/;
  for (const { name, filePath } of tensors.values()) {
    if (suffix.test(name) && !tensors.has(name.replace(suffix, ".weight"))) {
      throw new ModelError(
        code,
        { expected, got: "packed integers", advice },
        { file: filePath, tensor: name },
      );
    }
  }
}
