import { expectTypeOf } from "vitest";
import type { DiscoveryEventMap, DiscoveryEventSink } from "../src/index.ts";

interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}

expectTypeOf<Bus<DiscoveryEventMap>>().toExtend<DiscoveryEventSink>();
expectTypeOf<
  Bus<DiscoveryEventMap & { "engine:started": { readonly model: string } }>
>().toExtend<DiscoveryEventSink>();

expectTypeOf<Bus<{ "engine:started": { readonly model: string } }>>().not.toExtend<DiscoveryEventSink>();
expectTypeOf<Bus<Omit<DiscoveryEventMap, "discovery:service-updated">>>().not.toExtend<DiscoveryEventSink>();
expectTypeOf<
  Bus<
    Omit<DiscoveryEventMap, "discovery:service-updated"> & {
      "discovery:service-updated": { readonly id: string };
    }
  >
>().not.toExtend<DiscoveryEventSink>();
