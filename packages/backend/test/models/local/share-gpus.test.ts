import { expect, test } from "vitest";
import { resolveConfig } from "../../../src/config/resolve/resolve-config.ts";
import { shareGpus } from "../../../src/models/local/share-gpus.ts";

type Engine = readonly [executor: "auto" | "cuda" | "onnx", share: number, device?: string];

const none: Engine = ["onnx", 0.9];

test.each<readonly [what: string, engines: readonly Engine[], shares: readonly number[]]>([
  ["one model has its share", [["auto", 0.9], none], [0.9, 0.9]],
  [
    "shares that fit are kept",
    [
      ["auto", 0.4],
      ["auto", 0.5],
      ["cuda", 0.1],
    ],
    [0.4, 0.5, 0.1],
  ],
  ["models by default divide the share of one", [["auto", 0.9], ["auto", 0.9], none], [0.45, 0.45, 0.9]],
  [
    "in proportion",
    [
      ["auto", 0.8],
      ["auto", 0.4],
    ],
    [0.6, 0.3],
  ],
  [
    "each GPU by itself",
    [
      ["auto", 0.9],
      ["auto", 0.9, "1"],
    ],
    [0.9, 0.9],
  ],
  [
    "those that were asked for come first",
    [
      ["cuda", 0.5],
      ["auto", 0.9],
      ["auto", 0.9],
    ],
    [0.5, 0.2, 0.2],
  ],
  [
    "and leave nothing",
    [
      ["cuda", 0.95],
      ["auto", 0.9],
    ],
    [0.95, 0],
  ],
])("%s", async (_what, engines, shares) => {
  const models = Object.fromEntries(
    engines.map(([executor, gpuMemoryUtilization, device = "0"], index) => [
      `m${index}`,
      { path: "embedded", engine: { executor, gpuMemoryUtilization, device } },
    ]),
  );
  const { config } = await resolveConfig({ file: false, overrides: { models } });
  const shared = shareGpus(config.models).map(
    ({ engine, gpuShare }) => gpuShare ?? engine.gpuMemoryUtilization,
  );
  expect(shared).toHaveLength(shares.length);
  for (const [index, share] of shares.entries()) expect(shared[index]).toBeCloseTo(share, 12);
});
