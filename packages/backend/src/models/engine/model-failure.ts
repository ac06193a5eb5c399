import { BackendError, type EngineErrorRecord, EngineRequestError } from "../../errors.ts";

/** Makes one error of whatever kept a model from loading; its `cause` has the code of the package that refused. */
export function modelFailure(record: EngineErrorRecord): BackendError {
  const cause = new EngineRequestError(record);
  const isMissing = record.code === "MODEL_NOT_FOUND" || record.code === "NOT_A_DIRECTORY";
  return isMissing
    ? new BackendError("MODEL_NOT_FOUND", record.message, { cause })
    : new BackendError("MODEL_LOAD_FAILED", `${record.message} (${record.code})`, { cause });
}
