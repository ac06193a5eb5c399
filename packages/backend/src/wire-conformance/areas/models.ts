import { describeAnswer, supported } from "../shared/answer.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

/** The list of models. */
export const models: ConformanceArea = {
  name: "models",
  cases: [
    {
      name: "list",
      expected: "GET /models is a list of models with id, object model, created and owned_by",
      breaks: "openai's models.list() and user interfaces that choose from it",
      check: async (server) => {
        const { json } = supported(await server.get("/models"));
        const list = elementsAt(json, "data");
        const other = list.find(
          (each) =>
            typeof valueAt(each, "id") !== "string" ||
            valueAt(each, "object") !== "model" ||
            typeof valueAt(each, "created") !== "number" ||
            typeof valueAt(each, "owned_by") !== "string",
        );
        if (valueAt(json, "object") !== "list" || list.length === 0) return showValue(json);
        return other === undefined ? undefined : showValue(other);
      },
    },
    {
      name: "one",
      expected: "GET /models/{id} is the model, also if its id has slashes, which are encoded",
      breaks: "openai's models.retrieve()",
      check: async (server) => {
        const { json } = supported(await server.get(`/models/${encodeURIComponent(server.model)}`));
        const isRight = typeof valueAt(json, "id") === "string" && valueAt(json, "object") === "model";
        return isRight ? undefined : showValue(json);
      },
    },
    {
      name: "unknown",
      expected: "GET /models/{id} of a model that there is not is 404 as JSON",
      breaks: "openai's models.retrieve() is no NotFoundError",
      check: async (server) => {
        const answer = await server.get("/models/no-such-model");
        const isJson = typeof valueAt(answer.json, "error") === "object";
        return answer.status === 404 && isJson ? undefined : describeAnswer(answer);
      },
    },
  ],
};
