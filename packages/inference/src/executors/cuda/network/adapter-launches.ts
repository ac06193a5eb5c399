import { adapters } from "../kernels/manifests/adapters.ts";
import { addressOf, launchOf, rowGrid } from "./launch.ts";
import type { DeviceValue, Variant } from "./program.ts";

/** A product that adapters can change. */
export interface AdaptedProduct {
  readonly x: DeviceValue;
  readonly out: DeviceValue;
  readonly weightName: string;
}

const threads = 256;

/** Adds what adapters add, in two steps over `low`, `(tokens, rank)`; nothing where no token has one. */
export function adapterVariants(
  { x, out, weightName }: AdaptedProduct,
  low: DeviceValue,
): readonly Variant[] {
  const rank = low.width;
  const tokens = [
    { kind: "input", name: "adapters" },
    { kind: "input", name: "tokenCount" },
  ] as const;
  const down = launchOf(adapters, "adapter_down", {
    grid: rowGrid(low.rows, rank),
    block: 32,
    operands: [
      addressOf(low),
      addressOf(x),
      { kind: "adapter", weightName, part: "down" },
      ...tokens,
      rank,
      x.width,
    ],
  });
  const across = Math.ceil(out.width / threads);
  const up = launchOf(adapters, "adapter_up", {
    grid: rowGrid(out.rows, across),
    block: threads,
    operands: [
      addressOf(out),
      addressOf(low),
      { kind: "adapter", weightName, part: "up" },
      ...tokens,
      rank,
      out.width,
    ],
  });
  return [
    { fits: ({ isAdapted }) => !isAdapted, launches: [] },
    { fits: () => true, launches: [down, up] },
  ];
}
