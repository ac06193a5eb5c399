import type { Operation } from "./operation.ts";
import type { Prompt, PromptDescription } from "./prompt.ts";

/** The only event. */
export interface DescribePromptEvent extends PromptDescription {
  readonly type: "description";
}

/** Tokenizes a prompt, with the spelling of each token and the decoded text. */
export const describePrompt: Operation<Prompt, DescribePromptEvent> = {
  name: "describe-prompt",
  runsBeforeSuspects: true,
  async *run({ prompts }, prompt, signal) {
    yield { type: "description", ...(await prompts.describe(prompt, signal)) };
  },
};
