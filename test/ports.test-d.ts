import type { DiscoveryEventMap, DiscoveryEventSink, DiscoveryProvider } from "@infernode/discovery";
import type {
  EngineStatsSample,
  FirstTokenSample,
  HealthChecker,
  HealthEventMap,
  HealthEventSink,
  HealthProvider,
  MemoryPoolSample,
  ReadinessGate,
  RequestFinishedSample,
  RequestQueuedSample,
  RequestScheduledSample,
  StepFinishedSample,
} from "@infernode/health";
import type { DiscoveryPort, EngineEventMap, EngineStats, HealthPort } from "@infernode/inference";
import type { PoolStats } from "@infernode/memory";
import { expectTypeOf } from "vitest";

// What the engine asks for is met by the packages that it does not know.
expectTypeOf<HealthProvider>().toExtend<HealthPort>();
expectTypeOf<HealthChecker>().toExtend<HealthPort>();
expectTypeOf<DiscoveryProvider>().toExtend<DiscoveryPort>();

expectTypeOf<ReadinessGate>().not.toExtend<HealthPort>();
expectTypeOf<{ register(service: { readonly id: string }): Promise<void> }>().not.toExtend<DiscoveryPort>();

// What the metrics read is in what the engine and the pools tell.
expectTypeOf<EngineEventMap["inference:request-queued"]>().toExtend<RequestQueuedSample>();
expectTypeOf<EngineEventMap["inference:request-scheduled"]>().toExtend<RequestScheduledSample>();
expectTypeOf<EngineEventMap["inference:first-token"]>().toExtend<FirstTokenSample>();
expectTypeOf<EngineEventMap["inference:request-finished"]>().toExtend<RequestFinishedSample>();
expectTypeOf<EngineEventMap["inference:step-finished"]>().toExtend<StepFinishedSample>();
expectTypeOf<EngineStats>().toExtend<EngineStatsSample>();
expectTypeOf<PoolStats>().toExtend<MemoryPoolSample>();

expectTypeOf<EngineEventMap["inference:first-token"]>().not.toExtend<StepFinishedSample>();

// One bus for all of them is a sink for each.
interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}
type EveryEvent = DiscoveryEventMap & EngineEventMap & HealthEventMap;
expectTypeOf<Bus<EveryEvent>>().toExtend<DiscoveryEventSink>();
expectTypeOf<Bus<EveryEvent>>().toExtend<HealthEventSink>();
expectTypeOf<Bus<DiscoveryEventMap>>().not.toExtend<HealthEventSink>();
expectTypeOf<Bus<HealthEventMap>>().not.toExtend<DiscoveryEventSink>();
