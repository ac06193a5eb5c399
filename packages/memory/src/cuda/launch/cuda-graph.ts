import { assertDevice } from "../../assert-argument.ts";
import { handleDisposed } from "../device/cuda-context.ts";
import type { CudaDevice } from "../device/cuda-device.ts";
import type { CudaStream } from "../device/cuda-stream.ts";
import { cuStreamCaptureModeThreadLocal } from "../driver/cuda-functions.ts";

/** Work that was recorded once and is queued as a whole. */
export interface CudaGraph extends Disposable {
  readonly deviceId: string;
  readonly isDisposed: boolean;
  /**
   * Queues all of the graph's work on a stream. The graph keeps the addresses and values of its recording.
   * @throws MemoryError `CUDA_HANDLE_DISPOSED`, `WRONG_DEVICE`; CudaError `CUDA_ERROR`
   */
  launch(stream: CudaStream): void;
  /** Destroys the graph, whose work must have run. Idempotent. */
  dispose(): void;
}

/**
 * Records the work that `record` queues on a stream, without running it: launches, fills, and copies from and to
 * pinned buffers. The stream must be a created one, not the default stream. Calls that may wait for the device spoil the
 * recording: kernels are got of their modules, and memory is allocated, before it.
 * @throws what `record` throws, after the recording was ended; MemoryError `WRONG_DEVICE`,
 * `CUDA_HANDLE_DISPOSED`; CudaError `CUDA_ERROR` for work that cannot be recorded
 */
export function captureGraph(device: CudaDevice, stream: CudaStream, record: () => void): CudaGraph {
  const { context, id } = device;
  const { driver } = context;
  const { functions } = driver;
  assertDevice("a stream", stream, id);
  const streamHandle = stream.handle;
  context.makeCurrent();
  driver.check(
    functions.cuStreamBeginCapture_v2(streamHandle, cuStreamCaptureModeThreadLocal),
    "cuStreamBeginCapture_v2",
  );
  const end = (): bigint => {
    context.makeCurrent();
    return driver.readUint64((out) => functions.cuStreamEndCapture(streamHandle, out), "cuStreamEndCapture");
  };
  const destroyRecording = (graph: bigint): void => {
    if (graph !== 0n) driver.check(functions.cuGraphDestroy(graph), "cuGraphDestroy");
  };
  try {
    record();
  } catch (error) {
    abandon(() => destroyRecording(end()));
    throw error;
  }
  let recording: bigint;
  try {
    recording = end();
  } catch (error) {
    // The stream may still be recording.
    abandon(() => destroyRecording(end()));
    throw error;
  }
  let owned: bigint | undefined;
  try {
    owned = driver.readUint64(
      (out) => functions.cuGraphInstantiateWithFlags(out, recording, 0),
      "cuGraphInstantiateWithFlags",
    );
    destroyRecording(recording);
  } catch (error) {
    const instance = owned;
    if (instance !== undefined) abandon(() => functions.cuGraphExecDestroy(instance));
    abandon(() => destroyRecording(recording));
    throw error;
  }
  const releaseContext = context.retain();

  const handleOf = (): bigint => {
    if (owned !== undefined) return owned;
    throw handleDisposed(`graph on ${id}`);
  };
  const dispose = (): void => {
    if (owned === undefined) return;
    context.makeCurrent();
    driver.check(functions.cuGraphExecDestroy(owned), "cuGraphExecDestroy");
    owned = undefined;
    releaseContext();
  };
  return {
    deviceId: id,
    get isDisposed() {
      return owned === undefined;
    },
    launch(on) {
      const graph = handleOf();
      assertDevice("a stream", on, id);
      const handle = on.handle;
      context.makeCurrent();
      driver.check(functions.cuGraphLaunch(graph, handle), "cuGraphLaunch");
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** Cleans up after a failure, which is what is thrown. */
function abandon(action: () => unknown): void {
  try {
    action();
  } catch {
    // The first failure says more.
  }
}
