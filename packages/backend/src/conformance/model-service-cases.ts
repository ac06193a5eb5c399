import type { ModelService } from "../models/model-service.ts";
import { callCases, endingCases } from "./call-cases.ts";
import { createCaseContext, type CaseBody, type CaseContext, type ConformanceCase } from "./case-context.ts";
import { generationCases } from "./generation-cases.ts";

/** What `modelServiceCases` and `engineCases` take. */
export interface ModelServiceConformanceOptions<Service extends ModelService = ModelService> {
  /**
   * Makes a service for one case, which disposes it: for all cases, or for those that end it. Its first model is ready, has a chat template, tells its
   * context of 256 tokens or more, and serves four requests at once or more.
   */
  readonly create: () => Promise<Service>;
  /** Answers a service that the other cases share, and that the caller disposes. [one of its own for each case] */
  readonly share?: () => Promise<Service>;
  /** Resolves when no work is left where the model runs. */
  readonly untilIdle: (service: Service) => Promise<void>;
}

/** Makes cases of what they do, each with a service of its own. */
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

/** Makes cases of what they do, with one service for all where it is shared. */
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

/** Lists what every `ModelService` must do, wherever its models run, as cases that are independent of each other. */
export function modelServiceCases(options: ModelServiceConformanceOptions): readonly ConformanceCase[] {
  return [...toCases({ ...callCases, ...generationCases }, options), ...toOwnCases(endingCases, options)];
}
