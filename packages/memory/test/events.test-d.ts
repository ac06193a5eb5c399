import { expectTypeOf } from "vitest";
import type { HostMemoryPool, MemoryEventMap, MemoryEventSink } from "../src/index.ts";

interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}

expectTypeOf<Bus<MemoryEventMap>>().toExtend<MemoryEventSink>();
expectTypeOf<
  Bus<MemoryEventMap & { "engine:stopped": { readonly reason: string } }>
>().toExtend<MemoryEventSink>();
// A sink that reads a part of an event fits.
expectTypeOf<
  Bus<{
    "memory:alert": { readonly deviceId: string };
    "memory:leaks-found": { readonly totalBytes: number };
  }>
>().toExtend<MemoryEventSink>();

// A bus of other events does not fit.
expectTypeOf<Bus<{ "engine:stopped": { readonly reason: string } }>>().not.toExtend<MemoryEventSink>();

/** Uses a pool through the interface only. */
interface BytesPort {
  allocate(request: {
    readonly sizeBytes: number;
    readonly tag: { readonly model: string; readonly purpose: "weights" };
  }): { readonly bytes: Uint8Array; dispose(): void };
}
expectTypeOf<HostMemoryPool>().toExtend<BytesPort>();
