import { expectTypeOf } from "vitest";
import type { HealthEventMap, HealthEventSink } from "../src/index.ts";

interface Bus<Map> {
  emit(...event: { [Name in keyof Map]: [Name, Map[Name]] }[keyof Map]): void;
}

expectTypeOf<Bus<HealthEventMap>>().toExtend<HealthEventSink>();
expectTypeOf<
  Bus<HealthEventMap & { "engine:started": { readonly model: string } }>
>().toExtend<HealthEventSink>();

expectTypeOf<Bus<{ "engine:started": { readonly model: string } }>>().not.toExtend<HealthEventSink>();
expectTypeOf<
  Bus<{ "health:status-changed": { readonly status: "healthy" } }>
>().not.toExtend<HealthEventSink>();
