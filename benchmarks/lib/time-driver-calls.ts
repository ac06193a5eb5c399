import { captureGraph, type CudaDevice, type CudaMemoryPool } from "@infernode/memory/cuda";

const warmUpSteps = 500;

/**
 * Measures the calls of the driver that a decode step makes, without anything else: a copy to the device, a graph, two
 * copies of tokens, and a wait on another thread. Returns microseconds of the process for each step.
 */
export async function timeDriverCalls(
  device: CudaDevice,
  pool: CudaMemoryPool,
  sizes: { readonly inputBytes: number; readonly streams: number; readonly stepCount: number },
): Promise<number> {
  const { inputBytes, streams, stepCount } = sizes;
  using stream = device.createStream();
  const tag = { model: "calls alone", purpose: "workspace" } as const;
  using block = pool.allocate({ sizeBytes: inputBytes, tag, stream });
  using inputs = device.createPinnedBuffer(inputBytes);
  using rows = device.createPinnedBuffer(12 * streams);
  // What is in it costs the host nothing.
  using graph = captureGraph(device, stream, () => device.fill(block, 0, { stream, sizeBytes: 4 }));
  const tokens = rows.bytes.subarray(0, 4 * streams);
  const status = rows.bytes.subarray(4 * streams);
  let usage = process.cpuUsage();
  for (let step = 0; step < warmUpSteps + stepCount; step += 1) {
    if (step === warmUpSteps) usage = process.cpuUsage();
    device.copyToDevice(block, inputs.bytes, { stream });
    graph.launch(stream);
    device.copyToHost(tokens, block, { stream });
    device.copyToHost(status, block, { stream });
    await stream.synchronize();
  }
  const { user, system } = process.cpuUsage(usage);
  return (user + system) / stepCount;
}
