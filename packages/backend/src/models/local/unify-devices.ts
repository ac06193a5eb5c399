import type { CudaDriver } from "@infernode/memory/cuda";
import type { ModelConfig } from "../../config/config.ts";

/**
 * Names each GPU in one way, by its UUID, where models name theirs in several: a number and a UUID may be the same GPU. The
 * driver is asked only then, and a name that it does not know stays. Never rejects.
 */
export async function unifyDevices<Model extends Pick<ModelConfig, "engine">>(
  models: readonly Model[],
  loadDriver?: () => CudaDriver,
): Promise<readonly Model[]> {
  const onGpu = models.filter(({ engine }) => engine.executor === "auto" || engine.executor === "cuda");
  const names = new Set(onGpu.map(({ engine }) => engine.device));
  if (names.size < 2) return models;
  const { uuidsOf } = await import("../gpu/find-gpu.ts");
  const uuids = uuidsOf(names, loadDriver);
  return models.map((model) => {
    const { engine } = model;
    const device = onGpu.includes(model) ? (uuids.get(engine.device) ?? engine.device) : engine.device;
    return { ...model, engine: { ...engine, device } };
  });
}
