import type { GpuReader, GpuInventory } from "@infernode/memory/cuda";

/** The machine's GPUs for the daemon's metrics and routes. */
export interface GpuTelemetry extends AsyncDisposable {
  /**
   * Reads now, off the event loop. If the driver takes longer than the timeout, the previous survey is returned, or
   * an empty one with the reason.
   */
  survey(): Promise<GpuInventory>;
  dispose(): Promise<void>;
}

export interface GpuTelemetryOptions {
  /** [NVML or the driver of this machine, loaded when first asked] */
  readonly openReader?: () => Promise<GpuReader>;
  /** [1000] */
  readonly timeoutMs?: number;
}

const emptyInventory = (reason: string): GpuInventory => ({
  driver: undefined,
  reason,
  gpus: [],
  problems: [],
});

/** Loaded on demand, so that a machine without FFI loads nothing. */
async function openMachine(): Promise<GpuReader> {
  const { createGpuReader } = await import("@infernode/memory/cuda");
  return createGpuReader();
}

/** Creates the telemetry; nothing is loaded before the first survey. */
export function createGpuTelemetry(options: GpuTelemetryOptions = {}): GpuTelemetry {
  const { openReader = openMachine, timeoutMs = 1000 } = options;
  let reader: Promise<GpuReader> | undefined;
  let latest: GpuInventory = emptyInventory(`the driver did not answer within ${timeoutMs} ms`);

  const read = async (): Promise<GpuInventory> => {
    try {
      latest = await (await (reader ??= openReader())).read();
    } catch (error) {
      latest = emptyInventory(error instanceof Error ? error.message : String(error));
    }
    return latest;
  };
  const dispose = async (): Promise<void> => {
    const opened = await reader?.catch(() => undefined);
    await opened?.dispose();
  };
  return {
    async survey() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<GpuInventory>((resolve) => {
        timer = setTimeout(() => resolve(latest), timeoutMs);
      });
      try {
        return await Promise.race([read(), late]);
      } finally {
        clearTimeout(timer);
      }
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
