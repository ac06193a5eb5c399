export {
  type ConformanceCase,
  type ExecutorConformanceOptions,
  executorCases,
  type GoldenPrompt,
} from "./conformance/executor-cases.ts";
