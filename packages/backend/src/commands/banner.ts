import { styleText } from "node:util";
import { formatBytes } from "@infernode/memory";
import type { WeightMode } from "../weight-mode.ts";
import type { LocalModel } from "../models/model-service.ts";
import { packageVersion } from "../package-version.ts";
import { formatCount } from "./terminal-text.ts";

export interface BannerOptions {
  readonly url: string;
  /** The models that are ready, each with its runtime, version and threads. */
  readonly models: readonly { readonly model: LocalModel; readonly engine: string }[];
  readonly readyMs: number;
  readonly useColor: boolean;
}

/** Replaces a wildcard address by loopback, so that the URL can be opened. */
function toOpenableUrl(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

/** Formats a request that can be pasted into a shell. */
export function formatExampleRequest(url: string, model: Pick<LocalModel, "id" | "hasChatTemplate">): string {
  const text = "Tell me a short story about a fox.";
  const body = model.hasChatTemplate
    ? { model: model.id, messages: [{ role: "user", content: text }] }
    : { model: model.id, prompt: "Once upon a time", max_tokens: 64 };
  const path = model.hasChatTemplate ? "chat/completions" : "completions";
  // A model's name may contain a quote, which must be escaped for the shell.
  const quoted = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  return [`curl ${url}/v1/${path} \\`, "  -H 'content-type: application/json' \\", `  -d '${quoted}'`].join(
    "\n",
  );
}

/** Says that weights are computed with fewer bits than they are stored with. */
export function quantizedAs(mode: WeightMode | undefined): string {
  return mode === undefined || mode === "none" ? "" : ` as ${mode}`;
}

function modelRows(model: LocalModel, engine: string): readonly (readonly [string, string])[] {
  const plan = model.memoryPlan;
  const memory =
    `${formatBytes(plan.totalBytes)} (weights ${formatBytes(plan.weightsBytes)}, ` +
    `KV cache ${formatBytes(plan.kvCacheBytes)})` +
    (plan.hostBytes === undefined ? "" : ` on ${model.device}, ${formatBytes(plan.hostBytes)} of the host's`);
  return [
    [
      "model",
      `${model.id}, ${model.family}, ${formatCount(model.parameterCount)} parameters${quantizedAs(model.quantization)}`,
    ],
    ["context", `${model.contextTokens} tokens, up to ${plan.maxSequences} concurrent sequences`],
    ["engine", engine],
    ["memory", memory],
  ];
}

/** Formats the summary that `serve` shows when the daemon is ready. */
export function formatBanner(options: BannerOptions): string {
  const { models, readyMs, useColor } = options;
  const url = toOpenableUrl(options.url);
  const style = (format: "bold" | "dim" | "cyan", text: string): string =>
    useColor ? styleText(format, text) : text;
  const rows = [
    ...models.flatMap(({ model, engine }) => modelRows(model, engine)),
    ["ready in", `${readyMs} ms`],
    ["API", style("cyan", `${url}/v1`)],
    ["docs", style("cyan", `${url}/docs`)],
  ] as const;
  const lines = rows.map(([name, value]) => `  ${style("dim", name.padEnd(9))} ${value}`);
  const [first] = models;
  const request =
    first === undefined
      ? []
      : formatExampleRequest(url, first.model)
          .split("\n")
          .map((line) => `  ${line}`);
  return [
    "",
    `  ${style("bold", `Infernode ${packageVersion}`)}`,
    "",
    ...lines,
    "",
    "  Try it:",
    "",
    ...request,
    "",
    "  Press Ctrl-C to stop.",
    "",
    "",
  ].join("\n");
}
