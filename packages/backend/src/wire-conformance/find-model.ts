import { describeAnswer } from "./shared/answer.ts";
import { CaseEnd } from "./shared/conformance-case.ts";
import { createProbedServer, type ProbedServerOptions } from "./shared/probed-server.ts";
import { valueAt } from "./shared/json-values.ts";
import { BackendError } from "../errors.ts";

/**
 * Resolves with the first model that the server lists.
 * @throws BackendError `ENGINE_UNAVAILABLE` if there is no answer, or it lists none
 */
export async function findModel(connection: Omit<ProbedServerOptions, "model">): Promise<string> {
  const fail = (got: string): never => {
    const message = `expected ${connection.baseUrl}/models to list a model, got ${got}; see --model`;
    throw new BackendError("ENGINE_UNAVAILABLE", message);
  };
  try {
    const answer = await createProbedServer({ ...connection, model: "" }).get("/models");
    const id = valueAt(answer.json, "data", 0, "id");
    return typeof id === "string" ? id : fail(describeAnswer(answer));
  } catch (error) {
    if (error instanceof CaseEnd) return fail(error.message);
    throw error;
  }
}
