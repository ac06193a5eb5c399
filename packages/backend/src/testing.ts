export type { ConformanceCase } from "./conformance/case-context.ts";
export { engineCases, shout, type EngineConformanceOptions } from "./conformance/engine-cases.ts";
export { modelServiceCases, type ModelServiceConformanceOptions } from "./conformance/model-service-cases.ts";
export { itemStoreCases, type ItemStoreConformanceOptions } from "./conformance/store-cases.ts";
