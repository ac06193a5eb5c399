import { readFileSync } from "node:fs";
import { captureGraph, createCudaDevice, loadCudaModule } from "@infernode/memory/cuda";
import { expect, it } from "vitest";
import { rmsNorm } from "../../../src/executors/cuda/kernels/manifests/rms-norm.ts";
import { createCheckedPool } from "../../../../../test/support/cuda/create-checked-pool.ts";
import { describeOverProcessor } from "../../../../../test/support/cuda/describe-over-processor.ts";

const image = readFileSync(new URL("../../../ptx/rms-norm.ptx", import.meta.url), "utf8");
const tag = { model: "test", purpose: "workspace" } as const;

describeOverProcessor("kernels on the processor", { ptx: [image] }, ({ driver }) => {
  it("computes what the source says, launched and in a graph", () => {
    using device = createCudaDevice({ driver });
    using pool = createCheckedPool(device);
    using module = loadCudaModule(device, { image, manifest: rmsNorm });
    using stream = device.createStream();
    const [rows, width] = [5, 300];
    const x = Float32Array.from({ length: rows * width }, (_, index) => Math.sin(index * 1.7));
    const weight = Float32Array.from({ length: width }, (_, index) => 1 + index / width);
    using input = pool.allocate({ sizeBytes: x.byteLength, tag, stream });
    using output = pool.allocate({ sizeBytes: x.byteLength, tag, stream });
    using scale = pool.allocate({ sizeBytes: weight.byteLength, tag, stream });
    device.copyToDevice(input, new Uint8Array(x.buffer), { stream });
    device.copyToDevice(scale, new Uint8Array(weight.buffer), { stream });
    const norm = module.function("rms_norm_f32");
    const launch = (): void =>
      norm.launch(
        { grid: rows, block: 96, stream },
        output.devicePointer,
        input.devicePointer,
        scale.devicePointer,
        width,
        1e-5,
      );
    const expected = Float32Array.from(x, (value, index) => {
      const row = x.subarray(index - (index % width), index - (index % width) + width);
      const mean = row.reduce((sum, element) => sum + element * element, 0) / width;
      return (value / Math.sqrt(mean + 1e-5)) * (weight[index % width] ?? 0);
    });
    const read = (): Float32Array => {
      const got = new Float32Array(rows * width);
      device.copyToHost(new Uint8Array(got.buffer), output, { stream });
      return got;
    };
    const largest = (got: Float32Array): number =>
      got.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? 0))), 0);
    launch();
    expect(largest(read())).toBeLessThan(1e-6);
    device.fill(output, 0, { stream });
    using graph = captureGraph(device, stream, launch);
    expect(read()[0]).toBe(0);
    graph.launch(stream);
    expect(largest(read())).toBeLessThan(1e-6);
  });
});
