import type { CudaFunction, CudaMemoryBlock, CudaMemoryPool, CudaStream } from "@infernode/memory/cuda";
import { bytesOfType, digestOf } from "./digest.ts";
import type { CaseArgument, CaseMatrix, CaseNumbers, CaseOutput, KernelCase } from "../cases/kernel-case.ts";

const tag = { model: "check", purpose: "workspace" } as const;

/** Where cases run. */
export interface CaseDevice {
  readonly pool: CudaMemoryPool;
  readonly stream: CudaStream;
}

/** Runs a case once; resolves with the digest of each output. @throws CudaError `CUDA_ERROR`; MemoryError */
export async function runCase(
  { grid, block, sharedBytes = 0, args }: KernelCase,
  kernel: CudaFunction,
  { pool, stream }: CaseDevice,
): Promise<readonly (readonly number[])[]> {
  const { device } = pool;
  const blocks: CudaMemoryBlock[] = [];
  const outputs: { readonly output: CaseOutput; readonly block: CudaMemoryBlock }[] = [];
  const reserve = (sizeBytes: number): CudaMemoryBlock => {
    const reserved = pool.allocate({ sizeBytes, tag, stream });
    blocks.push(reserved);
    return reserved;
  };
  const put = (numbers: CaseNumbers | undefined): bigint => {
    if (numbers === undefined) return 0n;
    const { buffer, byteOffset, byteLength } = numbers;
    const reserved = reserve(byteLength);
    device.copyToDevice(reserved, new Uint8Array(buffer, byteOffset, byteLength), { stream });
    return reserved.devicePointer;
  };
  const putMatrix = ({ data, scales, zeroPoints, minima, order, bias }: CaseMatrix): bigint =>
    put(BigInt64Array.from([data, scales, zeroPoints, minima, order, bias], put));
  const putOutput = (output: CaseOutput): bigint => {
    const { type, length, initial } = output;
    const reserved = reserve(length * bytesOfType[type]);
    outputs.push({ output, block: reserved });
    if (initial === undefined) {
      device.fill(reserved, 0xff, { stream, sizeBytes: length * bytesOfType[type] });
    } else {
      const { buffer, byteOffset, byteLength } = initial;
      device.copyToDevice(reserved, new Uint8Array(buffer, byteOffset, byteLength), { stream });
    }
    return reserved.devicePointer;
  };
  const place = (argument: CaseArgument): number | bigint => {
    if (argument === undefined) return 0n;
    if (typeof argument === "number") return argument;
    if (argument.kind === "input") return put(argument.numbers);
    return argument.kind === "matrix" ? putMatrix(argument.matrix) : putOutput(argument);
  };
  try {
    const values = args.map(place);
    kernel.launch(
      { grid, block, dynamicSharedBytes: sharedBytes, stream },
      ...(values as (number & bigint)[]),
    );
    await stream.synchronize();
    return outputs.map(({ output, block: written }) => {
      const bytes = new Uint8Array(output.length * bytesOfType[output.type]);
      device.copyToHost(bytes, written, { stream });
      return digestOf(output, bytes);
    });
  } finally {
    for (const reserved of blocks) reserved.dispose();
  }
}
