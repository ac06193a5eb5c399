import { MemoryError } from "@infernode/memory";
import type { CudaDriver } from "@infernode/memory/cuda";
import { expect, it, vi } from "vitest";
import { describeOverStandIn } from "../../../../memory/test/cuda/stand-in/stand-in.ts";
import { resolveConfig } from "../../../src/config/resolve/resolve-config.ts";
import type { ModelConfig } from "../../../src/config/config.ts";
import { unifyDevices } from "../../../src/models/local/unify-devices.ts";
import { shareGpus } from "../../../src/models/local/share-gpus.ts";

type Engine = readonly [executor: "auto" | "cuda" | "onnx", device?: string];

const first = "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f";
const second = "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f";

async function modelsOn(...engines: readonly Engine[]): Promise<readonly ModelConfig[]> {
  const models = Object.fromEntries(
    engines.map(([executor, device], index) => [
      `m${index}`,
      { path: "embedded", engine: { executor, ...(device !== undefined && { device }) } },
    ]),
  );
  return (await resolveConfig({ file: false, overrides: { models } })).config.models;
}

describeOverStandIn("the GPUs of several models", ({ driver }) => {
  it("have one name each, by which models on the same one share it", async () => {
    const models = await modelsOn(["auto", "0"], ["auto", first.slice(0, 8)], ["auto", "1"], ["onnx"]);
    const unified = await unifyDevices(models, () => driver);
    expect(unified.map(({ engine }) => engine.device)).toEqual([first, first, second, "0"]);
    const shares = shareGpus(unified).map(({ gpuShare }) => gpuShare);
    expect(shares).toEqual([0.45, 0.45, undefined, undefined]);
  });
  it("keep a name that the driver does not know, and all where there is no driver", async () => {
    const models = await modelsOn(["auto", "7"], ["cuda", "GPU-ffffffff"], ["cuda", second]);
    const known = await unifyDevices(models, () => driver);
    expect(known).toEqual(models);
    const none = (): never => {
      throw new MemoryError("CUDA_UNAVAILABLE", "no NVIDIA driver: not installed");
    };
    expect(await unifyDevices(models, none)).toEqual(models);
  });
  it("are not asked for where all models name one", async () => {
    const loadDriver = vi.fn<() => CudaDriver>(() => driver);
    await unifyDevices(await modelsOn(["auto", "0"], ["cuda", "0"], ["onnx"]), loadDriver);
    expect(loadDriver).not.toHaveBeenCalled();
  });
});
