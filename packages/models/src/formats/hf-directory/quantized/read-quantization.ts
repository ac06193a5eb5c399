import { ConfigFields } from "../../../config/config-fields.ts";
import { quoteValue } from "../../../errors.ts";
import { awq } from "./awq.ts";
import { compressedTensors } from "./compressed-tensors.ts";
import { gptq } from "./gptq.ts";
import type { GroupedQuantization, PackedQuantization, QuantizationMethod } from "./grouped-method.ts";
import { mxfp4 } from "./mxfp4.ts";

/** The methods whose checkpoints are read. */
const methods: readonly QuantizationMethod[] = [gptq, awq, compressedTensors, mxfp4];

/** How the weights of a checkpoint are quantized. */
export type DeclaredQuantization = GroupedQuantization | PackedQuantization;

/** Where older programs write the settings, and the method that they do not name. */
const otherFiles = [
  ["quantize_config.json", gptq],
  ["quant_config.json", awq],
] as const;

/**
 * Reads the quantization that a config declares; `undefined` where it declares none.
 * @throws ModelError `UNSUPPORTED_QUANTIZATION`, `INVALID_CONFIG`
 */
export function readQuantization(rawConfig: unknown, file: string): DeclaredQuantization | undefined {
  const config = new ConfigFields(rawConfig, file);
  for (const field of ["quantization_config", "compression_config"]) {
    const settings = config.object(field);
    if (settings === undefined) continue;
    // Model Optimizer names only the algorithm.
    const name = settings.text("quant_method") ?? settings.text("quant_algo");
    const method = findMethod(name);
    if (method === undefined) throw unknownMethod(config, field, name);
    return method.parse(settings);
  }
  return undefined;
}

/**
 * Reads the quantization of a file of its own, as older programs write it; `undefined` where there is none.
 * @throws ModelError as `readQuantization`
 */
export async function readQuantizationFile(
  readJson: (name: string) => Promise<unknown>,
): Promise<DeclaredQuantization | undefined> {
  for (const [file, usual] of otherFiles) {
    const raw = await readJson(file);
    if (raw === undefined) continue;
    const settings = new ConfigFields(raw, file);
    const name = settings.text("quant_method") ?? usual.name;
    const method = findMethod(name);
    if (method === undefined) throw unknownMethod(settings, "quant_method", name);
    return method.parse(settings);
  }
  return undefined;
}

function findMethod(name: string | undefined): QuantizationMethod | undefined {
  return methods.find((method) => method.name === name?.toLowerCase());
}

function unknownMethod(config: ConfigFields, field: string, name: string | undefined): Error {
  const names = methods.map((method) => method.name);
  return config.invalid(
    field,
    `weights in F32, F16 or BF16, or quantized by ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`,
    {
      code: "UNSUPPORTED_QUANTIZATION",
      got: `weights quantized by ${name === undefined ? "an unknown method" : quoteValue(name)}`,
      advice: "use the checkpoint that it was quantized from",
    },
  );
}
