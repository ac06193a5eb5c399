import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { formatBytes } from "@infernode/memory";
import { hasPackedWeights, quantizationRecipes, writePreparedModel } from "@infernode/models";
import { resolveConfig } from "../../config/resolve/resolve-config.ts";
import { engineOptionsOf, onlyModel } from "../../models/local/engine-options.ts";
import { BackendError } from "../../errors.ts";
import { exitCodes } from "../../exit-codes.ts";
import { modelFailure, toErrorRecord } from "../../models/error-record.ts";
import { loadPreparingProvider } from "../../models/engine/choose-executor.ts";
import { resolveMode } from "../../models/engine/quantize-model.ts";
import type { CommandRunner } from "../command-context.ts";
import { readConfigSources } from "../setting-options.ts";
import { writeOutput } from "../standard-streams.ts";
import { formatProgress, formatRows, toPrintable } from "../terminal-text.ts";

/** Writes a model with quantized weights into a directory of its own, which `serve` runs from. */
export const quantizeModelCommand: CommandRunner = async (values, context) => {
  const [source = "", target = ""] = Array.isArray(values["arguments"])
    ? values["arguments"].map(String)
    : [];
  const { flags, ...sources } = readConfigSources(values);
  const { config } = await resolveConfig({
    ...sources,
    // It is for onnxruntime, whatever the models of the configuration run on.
    flags: { ...flags, model: source, executor: "auto" },
    environment: context.environment,
    directory: context.directory,
  });
  const options = engineOptionsOf(onlyModel(config));
  const { threads, runtime, quantize = "auto", modelDirectory } = options;
  const directory = resolve(context.directory === false ? "." : context.directory, target);
  const clear = (): void => void (context.stderr.isTTY && context.stderr.write("\r\u001B[K"));
  const preparingProvider = await loadPreparingProvider();
  const summary = await writePreparedModel(modelDirectory, directory, {
    quantize: (checkpoint) => {
      const mode = resolveMode(checkpoint, quantize);
      return { mode, recipe: mode === "none" ? undefined : quantizationRecipes[mode] };
    },
    threadCount: threads ?? availableParallelism(),
    check: async (checkpoint, planned) => {
      if (resolveMode(checkpoint, quantize) === "none" && !hasPackedWeights(checkpoint.weights)) {
        const got = quantize === "auto" ? "auto, which quantizes no model of this size" : quantize;
        throw new BackendError("INVALID_CONFIG", `expected --quantize int4 or int8, got ${got}`);
      }
      const model = { ...planned, name: source };
      const stored = { ...checkpoint, name: source };
      await preparingProvider.assertSupported(model);
      await preparingProvider.assertLoadable(model, { runtime, stored });
    },
    targetOf: (checkpoint) => preparingProvider.prepacking.target({ ...checkpoint, name: source }),
    makeCopies: (checkpoint, into) =>
      preparingProvider.prepacking.prepack(
        { ...checkpoint, name: source },
        { directory: into, threads, runtime },
      ),
    onProgress: (doneBytes, totalBytes) => {
      const bar = formatProgress("Quantizing the weights", { doneBytes, totalBytes });
      if (context.stderr.isTTY) context.stderr.write(`\r${bar}\u001B[K`);
    },
  })
    .finally(clear)
    .catch((error: unknown) => {
      throw error instanceof BackendError ? error : modelFailure(toErrorRecord(error));
    });
  const rows = [
    ["written", directory],
    ["weights", `${summary.quantization}, ${formatBytes(summary.sizeBytes)}`],
    ["prepared for", summary.target.description],
  ] as const;
  const text = `${toPrintable(formatRows(rows, context.stdout.columns))}\n`;
  await writeOutput(
    context.stdout,
    values["json"] === true ? `${JSON.stringify({ directory, ...summary }, undefined, 2)}\n` : text,
  );
  return exitCodes.success;
};
