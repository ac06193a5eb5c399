export {
  cublasLibraryPaths,
  type CublasLibrary,
  type CublasLibraryOptions,
  openCublasLibrary,
} from "./cublas/cublas-library.ts";
export type { CudaContext } from "./device/cuda-context.ts";
export {
  createCudaDevice,
  type CudaCopyOptions,
  type CudaDevice,
  type CudaDeviceOptions,
} from "./device/cuda-device.ts";
export {
  cudaLibraryPaths,
  type CudaDriver,
  type CudaDriverOptions,
  loadCudaDriver,
} from "./driver/cuda-driver.ts";
export { captureGraph, type CudaGraph } from "./launch/cuda-graph.ts";
export { CudaError } from "./driver/cuda-error.ts";
export type {
  CudaFunction,
  CudaFunctionAttributes,
  LaunchOptions,
  LaunchSize,
} from "./launch/cuda-function.ts";
export { type CudaModule, type CudaModuleSource, loadCudaModule } from "./launch/cuda-module.ts";
export type { CudaEvent, CudaEventOptions } from "./device/cuda-event.ts";
export type { CudaMemoryBlock } from "./device/cuda-memory-block.ts";
export {
  createCudaMemoryPool,
  type CudaAllocationRequest,
  type CudaMemoryPool,
  type CudaMemoryPoolOptions,
  type CudaMemoryReservation,
} from "./cuda-memory-pool.ts";
export { describeCudaDevices } from "./device/describe-cuda-devices.ts";
export { createCudaProbe } from "./cuda-probe.ts";
export type { CudaStream } from "./device/cuda-stream.ts";
export {
  type CudaDeviceAttributes,
  type CudaDeviceDescription,
  isStandInDevice,
} from "./device/cuda-device-description.ts";
export type {
  KernelArguments,
  KernelArgumentType,
  KernelEntry,
  KernelManifest,
  KernelName,
} from "./launch/kernel-manifest.ts";
export type { GpuDetails, GpuProblem, GpuProcess, GpuInventory } from "./nvml/gpu-inventory.ts";
export { nvmlLibraryPaths, type NvmlOptions } from "./nvml/nvml.ts";
export { type DriverVersionOptions, readDriverVersion } from "./nvml/read-driver-version.ts";
export { createGpuReader, type GpuReader, readGpus, type ReadGpusOptions } from "./read-gpus.ts";
export type { PinnedBuffer } from "./device/pinned-buffer.ts";
export {
  createRowProducts,
  type RowProduct,
  type RowProductRequest,
  type RowProducts,
  type RowProductsOptions,
} from "./cublas/row-products.ts";
