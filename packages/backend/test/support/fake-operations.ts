import { describePrompt } from "../../src/operations/describe-prompt.ts";
import { generate, type GenerateEvent, type GenerateInput } from "../../src/operations/generate.ts";
import type { CallEvent, Operation } from "../../src/operations/operation.ts";
import type { Prompt, PromptDescription } from "../../src/operations/prompt.ts";
import { tokenize } from "../../src/operations/tokenize.ts";

/** What a fake does in place of the package's operations. */
export interface FakeOperations {
  generate(input: GenerateInput, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  describe(prompt: Prompt): PromptDescription;
}

/** A call as a service or a core is given it. */
export interface FakeCall {
  readonly operation: Operation<never, CallEvent> | string;
  readonly input: unknown;
  readonly signal: AbortSignal;
}

/** Runs a fake in place of an operation. */
export function runFake<Event extends CallEvent>(
  fakes: FakeOperations,
  { operation, input, signal }: FakeCall,
): AsyncIterable<Event> {
  async function* once(make: () => CallEvent): AsyncGenerator<CallEvent> {
    yield make();
  }
  const run = (): AsyncIterable<CallEvent> => {
    const name = typeof operation === "string" ? operation : operation.name;
    switch (name) {
      case generate.name:
        return fakes.generate(input as GenerateInput, signal);
      case tokenize.name:
        return once(() => ({ type: "tokens", tokenIds: fakes.describe(input as Prompt).tokenIds }));
      case describePrompt.name:
        return once(() => ({ type: "description", ...fakes.describe(input as Prompt) }));
      default:
        throw new Error(`the fake has no operation ${name}`);
    }
  };
  return run() as AsyncIterable<Event>;
}
