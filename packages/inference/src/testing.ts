export {
  type ConformanceCase,
  type ExecutorConformanceOptions,
  type ExecutorSizes,
  executorCases,
  type GoldenPrompt,
} from "./conformance/executor-cases.ts";
