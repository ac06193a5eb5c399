import { supported, type Answer } from "../shared/answer.ts";
import type { ConformanceArea } from "../shared/conformance-case.ts";
import type { ProbedServer } from "../shared/probed-server.ts";
import { elementsAt, showValue, valueAt } from "../shared/json-values.ts";

const prompt = "A fox sleeps.";

/** The paths are vLLM's. */
async function ask(server: ProbedServer): Promise<Answer> {
  const body = { model: server.model, prompt, add_special_tokens: false };
  return supported(await server.post("/tokenize", body, { under: "root" }));
}

/** Tokens of texts. */
export const tokenize: ConformanceArea = {
  name: "tokenize",
  cases: [
    {
      name: "tokens",
      expected: "POST /tokenize has the ids of the tokens and their count",
      breaks: "clients of vLLM that count before they send",
      check: async (server) => {
        const { json } = await ask(server);
        const tokens = elementsAt(json, "tokens");
        const isRight = tokens.length > 0 && tokens.every((id) => Number.isInteger(id));
        return isRight && valueAt(json, "count") === tokens.length ? undefined : showValue(json);
      },
    },
    {
      name: "text",
      expected: "POST /detokenize has the text again",
      breaks: "clients of vLLM",
      check: async (server) => {
        const tokens = elementsAt((await ask(server)).json, "tokens");
        const body = { model: server.model, tokens };
        const { json } = supported(await server.post("/detokenize", body, { under: "root" }));
        return valueAt(json, "prompt") === prompt ? undefined : showValue(json);
      },
    },
  ],
};
