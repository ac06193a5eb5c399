import { EngineRequestError } from "../errors.ts";

/** Names the fields of the engine's errors as options are named: `sampling.topP` → `topP`. */
export function withOptionNames(error: unknown): unknown {
  if (!(error instanceof EngineRequestError) || error.param === undefined) return error;
  const { code, message, data, cause } = error;
  const param = error.param.replace(/^(?:sampling|stopping)\./, "");
  if (param === error.param) return error;
  return new EngineRequestError(
    { code, message: message.replaceAll(error.param, param), param, data },
    { cause },
  );
}
