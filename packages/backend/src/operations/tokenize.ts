import type { Operation } from "./operation.ts";
import type { Prompt } from "./prompt.ts";

/** The only event. */
export interface TokenizeEvent {
  readonly type: "tokens";
  readonly tokenIds: readonly number[];
}

/** Tokenizes a prompt as a generation would. */
export const tokenize: Operation<Prompt, TokenizeEvent> = {
  name: "tokenize",
  runsBeforeSuspects: true,
  async *run({ prompts }, prompt, signal) {
    yield { type: "tokens", tokenIds: await prompts.encode(prompt, { purpose: "inspection", signal }) };
  },
};
