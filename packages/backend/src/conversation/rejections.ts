import { EngineRequestError } from "../errors.ts";
import { describeValue } from "../text/describe-value.ts";

/** Creates the error for a value that a field does not accept. */
export function invalidField(param: string, expected: string, got: unknown): EngineRequestError {
  const message = `Invalid value for \`${param}\`: expected ${expected}, got ${describeValue(got)}`;
  return new EngineRequestError({ code: "INVALID_REQUEST", message, param });
}

/** Creates the error for a field that the model cannot do. @param param the field at fault, where it is a part of it */
export function unsupportedField(name: string, why: string, param: string = name): EngineRequestError {
  const message = `Unsupported parameter: \`${name}\` is not supported: ${why}`;
  return new EngineRequestError({ code: "UNSUPPORTED_PARAMETER", message, param });
}
