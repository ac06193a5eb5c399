import type { DiscoveryEventMap, DiscoveryEventSink, DiscoveryProvider } from "@infernode/discovery";
import type {
  HealthChecker,
  HealthEventMap,
  HealthEventSink,
  HealthProvider,
  ReadinessGate,
} from "@infernode/health";
import type { DiscoveryPort, EngineEventMap, HealthPort } from "@infernode/inference";
import { expectTypeOf } from "vitest";

// What the engine asks for is met by the packages that it does not know.
expectTypeOf<HealthProvider>().toExtend<HealthPort>();
expectTypeOf<HealthChecker>().toExtend<HealthPort>();
expectTypeOf<DiscoveryProvider>().toExtend<DiscoveryPort>();

expectTypeOf<ReadinessGate>().not.toExtend<HealthPort>();
expectTypeOf<{ register(service: { readonly id: string }): Promise<void> }>().not.toExtend<DiscoveryPort>();

// One bus for all of them is a sink for each.
interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}
type EveryEvent = DiscoveryEventMap & EngineEventMap & HealthEventMap;
expectTypeOf<Bus<EveryEvent>>().toExtend<DiscoveryEventSink>();
expectTypeOf<Bus<EveryEvent>>().toExtend<HealthEventSink>();
expectTypeOf<Bus<DiscoveryEventMap>>().not.toExtend<HealthEventSink>();
expectTypeOf<Bus<HealthEventMap>>().not.toExtend<DiscoveryEventSink>();
