import { expectTypeOf } from "vitest";
import type { CudaModule } from "../../../src/cuda/launch/cuda-module.ts";
import type { KernelArguments } from "../../../src/cuda/launch/kernel-manifest.ts";

const manifest = {
  module: "scale",
  entries: {
    scale: {
      parameters: [
        ["out", "address"],
        ["count", "int32"],
        ["offset", "int64"],
        ["factor", "float32"],
      ],
      maxThreads: 256,
      staticSharedBytes: 0,
      usesDynamicShared: false,
    },
  },
} as const;
type Scale = (typeof manifest)["entries"]["scale"];

expectTypeOf<KernelArguments<Scale>>().toEqualTypeOf<readonly [bigint, number, number | bigint, number]>();

// Names and arguments are those of the manifest.
declare const module: CudaModule<typeof manifest>;
const scale = module.function("scale");
const options = { grid: 1, block: 256 };
scale.launch(options, 0n, 1, 2n, 0.5);
// @ts-expect-error a kernel that the module has not
module.function("scales");
// @ts-expect-error one argument is missing
scale.launch(options, 0n, 1, 2n);
// @ts-expect-error an address is a bigint
scale.launch(options, 0, 1, 2n, 0.5);
// @ts-expect-error an integer of 32 bits is a number
scale.launch(options, 0n, 1n, 2n, 0.5);
