import type { ModelService } from "../models/model-service.ts";
import { callCases, endingCases } from "./call-cases.ts";
import { createCaseContext, type CaseBody, type CaseContext, type ConformanceCase } from "./case-context.ts";
import { generationCases } from "./generation-cases.ts";

/** What `modelServiceCases` and `engineCases` take. */
export interface ModelServiceConformanceOptions<Service extends ModelService = ModelService> {
  /**
   * Creates a service for one case, which disposes it. Its first model is ready, has a chat template, reports a
   * context of at least 256 tokens and serves at least four requests at once.
   */
  readonly create: () => Promise<Service>;
  /** Returns a service for all cases that do not end it; the caller disposes it. [`create` for each case] */
  readonly share?: () => Promise<Service>;
  /** Resolves when the models of the service have no work left. */
  readonly untilIdle: (service: Service) => Promise<void>;
}

/** Creates cases, each with its own service. */
export function toOwnCases<Service extends ModelService>(
  bodies: Readonly<Record<string, CaseBody<CaseContext<Service>>>>,
  { create, untilIdle }: ModelServiceConformanceOptions<Service>,
): readonly ConformanceCase[] {
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    async run() {
      const service = await create();
      try {
        await body(createCaseContext(service, () => untilIdle(service)));
      } finally {
        await service.dispose();
      }
    },
  }));
}

/** Creates cases, with one service for all if it is shared. */
export function toCases<Service extends ModelService>(
  bodies: Readonly<Record<string, CaseBody<CaseContext<Service>>>>,
  options: ModelServiceConformanceOptions<Service>,
): readonly ConformanceCase[] {
  const { share, untilIdle } = options;
  if (share === undefined) return toOwnCases(bodies, options);
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    async run() {
      const service = await share();
      await body(createCaseContext(service, () => untilIdle(service)));
    },
  }));
}

/** Lists what every `ModelService` must do, wherever its models run, as independent cases. */
export function modelServiceCases(options: ModelServiceConformanceOptions): readonly ConformanceCase[] {
  return [...toCases({ ...callCases, ...generationCases }, options), ...toOwnCases(endingCases, options)];
}
