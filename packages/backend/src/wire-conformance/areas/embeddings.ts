import { accepted, supported, type Answer } from "../shared/answer.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

const input = ["A fox sleeps.", "A dog barks."];

async function ask(server: ProbedServer, format: "float" | "base64"): Promise<Answer> {
  return server.post("/embeddings", { model: server.model, input, encoding_format: format });
}

const floats = async (server: ProbedServer): Promise<unknown> => supported(await ask(server, "float")).json;

/** The numbers of a base64 text, little-endian float32. */
function decode(text: string): readonly number[] {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => view.getFloat32(4 * at, true));
}

/** Vectors of texts. */
export const embeddings: ConformanceArea = {
  name: "embeddings",
  cases: [
    {
      name: "float",
      expected: "each text has an array of numbers",
      breaks: "the AI SDK, which asks for numbers",
      check: async (server) => {
        const list = elementsAt(await floats(server), "data");
        const isRight = list.every((each) => typeof valueAt(each, "embedding", 0) === "number");
        return isRight && list.length === input.length ? undefined : showValue(list);
      },
    },
    {
      name: "base64",
      expected: "with encoding_format base64 each text has its float32 numbers as base64",
      breaks: "openai and LangChain, which ask for base64, have empty vectors and no error",
      check: async (server) => {
        const expected = valueAt(await floats(server), "data", 0, "embedding", 0);
        const embedding = valueAt(accepted(await ask(server, "base64")).json, "data", 0, "embedding");
        if (typeof embedding !== "string") return showValue(embedding);
        const [first] = decode(embedding);
        const isRight = first !== undefined && Math.abs(first - Number(expected)) < 1e-3;
        return isRight ? undefined : `${showValue(first)} in place of ${showValue(expected)}`;
      },
    },
    {
      name: "index",
      expected: "the vectors have the indices of their texts",
      breaks: "clients that sort by it",
      check: async (server) => {
        const list = elementsAt(await floats(server), "data");
        const isRight = list.every((each, at) => valueAt(each, "index") === at);
        return isRight && list.length === input.length ? undefined : showValue(list);
      },
    },
    {
      name: "usage",
      expected: "usage has prompt_tokens and total_tokens",
      breaks: "clients count nothing",
      check: async (server) => {
        const usage = valueAt(await floats(server), "usage");
        const isRight =
          Number(valueAt(usage, "prompt_tokens")) > 0 && Number(valueAt(usage, "total_tokens")) > 0;
        return isRight ? undefined : showValue(usage);
      },
    },
  ],
};
