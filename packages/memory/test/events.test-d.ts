import { expectTypeOf } from "vitest";
import type { HostMemoryPool, MemoryEventMap, MemoryEventSink } from "../src/index.ts";

interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}

expectTypeOf<Bus<MemoryEventMap>>().toExtend<MemoryEventSink>();
expectTypeOf<
  Bus<MemoryEventMap & { "engine:stopped": { readonly reason: string } }>
>().toExtend<MemoryEventSink>();
// Who takes less of an event than it has still takes it.
expectTypeOf<
  Bus<{
    "memory:alert": { readonly deviceId: string };
    "memory:leaks-found": { readonly totalBytes: number };
  }>
>().toExtend<MemoryEventSink>();

// A bus of other events is no sink of these.
expectTypeOf<Bus<{ "engine:stopped": { readonly reason: string } }>>().not.toExtend<MemoryEventSink>();

/** What asks for bytes and no more. */
interface BytesPort {
  allocate(request: {
    readonly sizeBytes: number;
    readonly tag: { readonly model: string; readonly purpose: "weights" };
  }): { readonly bytes: Uint8Array; dispose(): void };
}
expectTypeOf<HostMemoryPool>().toExtend<BytesPort>();
