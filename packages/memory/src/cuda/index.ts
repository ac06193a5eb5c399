export {
  cublasLibraryPaths,
  type CublasLibrary,
  type CublasLibraryOptions,
  openCublasLibrary,
} from "./cublas/cublas-library.ts";
export type { CudaContext } from "./cuda-context.ts";
export {
  createCudaDevice,
  type CudaCopyOptions,
  type CudaDevice,
  type CudaDeviceOptions,
} from "./cuda-device.ts";
export {
  cudaLibraryPaths,
  type CudaDriver,
  type CudaDriverOptions,
  loadCudaDriver,
} from "./driver/cuda-driver.ts";
export { captureGraph, type CudaGraph } from "./cuda-graph.ts";
export { CudaError } from "./driver/cuda-error.ts";
export type { CudaFunction, CudaFunctionAttributes, LaunchOptions, LaunchSize } from "./cuda-function.ts";
export { type CudaModule, type CudaModuleSource, loadCudaModule } from "./cuda-module.ts";
export type { CudaEvent, CudaEventOptions } from "./cuda-event.ts";
export type { CudaMemoryBlock } from "./cuda-memory-block.ts";
export {
  createCudaMemoryPool,
  type CudaAllocationRequest,
  type CudaMemoryPool,
  type CudaMemoryPoolOptions,
  type CudaMemoryReservation,
} from "./cuda-memory-pool.ts";
export { describeCudaDevices } from "./describe-cuda-devices.ts";
export { createCudaProbe } from "./cuda-probe.ts";
export type { CudaStream } from "./cuda-stream.ts";
export {
  type CudaDeviceAttributes,
  type CudaDeviceDescription,
  isStandInDevice,
} from "./cuda-device-description.ts";
export type {
  KernelArguments,
  KernelArgumentType,
  KernelEntry,
  KernelManifest,
  KernelName,
} from "./kernel-manifest.ts";
export type { GpuDetails, GpuProblem, GpuProcess, GpuInventory } from "./nvml/gpu-inventory.ts";
export { nvmlLibraryPaths, type NvmlOptions } from "./nvml/nvml.ts";
export { type DriverVersionOptions, readDriverVersion } from "./read-driver-version.ts";
export { createGpuReader, type GpuReader, readGpus, type ReadGpusOptions } from "./read-gpus.ts";
export type { PinnedBuffer } from "./pinned-buffer.ts";
export {
  createRowProducts,
  type RowProduct,
  type RowProductRequest,
  type RowProducts,
  type RowProductsOptions,
} from "./row-products.ts";
