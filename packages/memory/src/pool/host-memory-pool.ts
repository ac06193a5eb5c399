import type { HostMemoryBlock } from "../allocator.ts";
import { createCpuDevice } from "../devices/cpu-device.ts";
import type { Device } from "../device.ts";
import { createHostArenaSource, type HostArena, maxHostBlockBytes } from "./host-arena-source.ts";
import { HostBlock } from "./host-block.ts";
import { createMemoryPool, type MemoryPool } from "./memory-pool.ts";
import { assertKnownOptions } from "../assert-argument.ts";
import { poolOptionNames, type PoolOptions, resolveLimitBytes, resolveRetainBytes } from "./pool-options.ts";

const mib = 2 ** 20;

/** A pool of host memory. */
export interface HostMemoryPool extends MemoryPool<HostMemoryBlock> {}

export interface HostMemoryPoolOptions extends PoolOptions {
  /** [`createCpuDevice()`: this machine, with the limits of its container] */
  readonly device?: Device | undefined;
  /**
   * Returns the address of a buffer's first byte, from a native binding. With it the addresses of blocks are
   * aligned; without it their offsets in the ArrayBuffer, whose own address is a multiple of 16 at least.
   */
  readonly addressOf?: ((buffer: ArrayBuffer) => bigint) | undefined;
}

/**
 * Creates a pool of host memory. Blocks are not zeroed.
 * `arenaBytes` defaults to 32 MiB, `retainBytes` to 128 MiB, the limit to the total memory of the device.
 * @throws MemoryError `INVALID_ARGUMENT`
 */
export function createHostMemoryPool(options: HostMemoryPoolOptions = {}): HostMemoryPool {
  assertKnownOptions("createHostMemoryPool", options, [...poolOptionNames, "device", "addressOf"]);
  const device = options.device ?? createCpuDevice();
  return createMemoryPool<HostArena, HostMemoryBlock>({
    device,
    source: createHostArenaSource(options.addressOf),
    granularityBytes: 256,
    limitBytes: resolveLimitBytes(options, device),
    arenaBytes: options.arenaBytes ?? 32 * mib,
    retainBytes: resolveRetainBytes(options.retainBytes, 128 * mib),
    maxBlockBytes: maxHostBlockBytes,
    createBlock: (owner, range) => new HostBlock(owner, range),
    ownsBlock: (owner, block) => HostBlock.isOwnedBy(owner, block),
    sink: options.events,
    ledger: options.ledger,
  }).pool;
}
