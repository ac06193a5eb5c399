import { BackendError } from "./errors.ts";

/** Exit codes of the program. */
export const exitCodes: {
  readonly success: 0;
  readonly failure: 1;
  readonly usage: 2;
  readonly portInUse: 3;
  readonly engineFailed: 4;
  readonly hungUp: 129;
  readonly interrupted: 130;
  readonly terminated: 143;
} = {
  success: 0,
  failure: 1,
  usage: 2,
  portInUse: 3,
  engineFailed: 4,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
};

/** Maps an error to an exit code: 2 for configuration, 3 for a port in use, 4 for a model or engine that cannot be started. */
export function toExitCode(error: unknown): number {
  if (!(error instanceof BackendError)) return exitCodes.failure;
  switch (error.code) {
    case "INVALID_CONFIG":
      return exitCodes.usage;
    case "PORT_IN_USE":
      return exitCodes.portInUse;
    case "MODEL_NOT_FOUND":
    case "MODEL_LOAD_FAILED":
    case "ENGINE_START_FAILED":
    case "ENGINE_START_TIMEOUT":
      return exitCodes.engineFailed;
    case "UNKNOWN_MODEL":
    case "ENGINE_UNAVAILABLE":
    case "ENGINE_CRASHED":
    case "ENGINE_HUNG":
    case "ENGINE_PROTOCOL":
    case "LISTEN_FAILED":
    case "OUTPUT_FAILED":
    case "STORE_OPEN_FAILED":
    case "STORE_FAILED":
    case "STORE_RECORD_MISSING":
    case "STORE_RECORD_EXISTS":
    case "STORE_RECORD_TOO_LARGE":
    case "INVALID_STATE":
    case "INVALID_ANSWER":
      return exitCodes.failure;
  }
}
