import {
  Agent,
  OpenAIProvider,
  run,
  setTracingDisabled,
  tool,
  type AgentInputItem,
  type Model,
} from "@openai/agents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startAgentDaemon } from "./support/start-agent-daemon.ts";
import type { TestDaemon } from "./support/start-daemon.ts";
import { createClient } from "./support/stream-chat.ts";

const question = "Where is the fox?";
const apis = [
  { api: "chat completions", useResponses: false },
  { api: "responses", useResponses: true },
];

let daemon: TestDaemon;
beforeAll(async () => {
  setTracingDisabled(true);
  daemon = await startAgentDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** A tool that notes with what it is called. */
function createLook() {
  const places: string[] = [];
  const look = tool({
    name: "look",
    description: "Looks around.",
    parameters: z.object({ place: z.string().max(8) }),
    execute: ({ place }) => {
      places.push(place);
      return `fur in the ${place}`;
    },
  });
  return { look, places };
}

function provide(useResponses: boolean, name: "reciting" | "stories"): Promise<Model> {
  return new OpenAIProvider({ openAIClient: createClient(daemon.url), useResponses }).getModel(name);
}

describe.each(apis)("an agent over $api", ({ useResponses }) => {
  /** Its model decides itself what it calls. */
  const scout = async (look: ReturnType<typeof createLook>["look"]): Promise<Agent> =>
    new Agent({
      name: "Scout",
      instructions: "Find the fox.",
      model: await provide(useResponses, "reciting"),
      tools: [look],
      modelSettings: { temperature: 0 },
    });

  test("calls a tool twice and answers in the third turn, whole and as a stream", async () => {
    const { look, places } = createLook();
    const agent = await scout(look);
    const whole = await run(agent, question);
    const streamed = await run(agent, question, { stream: true });
    let text = "";
    for await (const part of streamed.toTextStream()) text += part;
    await streamed.completed;
    expect(text).toBe("A fox sleeps.");
    for (const { finalOutput, rawResponses, state } of [whole, streamed]) {
      expect(finalOutput).toBe("A fox sleeps.");
      expect(rawResponses).toHaveLength(3);
      expect(state.usage.outputTokens).toBeGreaterThan(10);
    }
    expect(places).toEqual(Array(4).fill("den"));
  });

  test("goes on with its own history: calls, results and reasoning", async () => {
    const { look } = createLook();
    const agent = await scout(look);
    const first = await run(agent, question);
    const second = await run(agent, [...first.history, { role: "user", content: "Still?" }]);
    expect(second.finalOutput).toBe("A fox sleeps.");
    expect(second.rawResponses).toHaveLength(1);
  });

  test("calls in each of three turns where calls are required, with valid arguments", async () => {
    const { look, places } = createLook();
    const agent = new Agent({
      name: "Walker",
      model: await provide(useResponses, "stories"),
      tools: [look],
      toolUseBehavior: "stop_on_first_tool",
      resetToolChoice: false,
      modelSettings: { toolChoice: "required", parallelToolCalls: false, temperature: 1, maxTokens: 200 },
    });
    let history: AgentInputItem[] = [{ role: "user", content: question }];
    for (let turn = 1; turn <= 3; turn += 1) {
      const result = await run(agent, history);
      expect(places).toHaveLength(turn);
      expect(result.finalOutput).toBe(`fur in the ${places.at(-1)}`);
      history = [...result.history, { role: "user", content: "Look again." }];
    }
  });

  test("hands over to another agent, which calls a tool that it must call", async () => {
    const { look, places } = createLook();
    const stories = await provide(useResponses, "stories");
    const guide = new Agent({
      name: "Guide",
      model: stories,
      tools: [look],
      toolUseBehavior: "stop_on_first_tool",
      modelSettings: { toolChoice: "look", temperature: 1, maxTokens: 200 },
    });
    const host = Agent.create({
      name: "Host",
      model: stories,
      handoffs: [guide],
      modelSettings: { toolChoice: "transfer_to_Guide", temperature: 0, maxTokens: 200 },
    });
    const result = await run(host, question);
    expect(result.lastAgent).toBe(guide);
    expect(result.finalOutput).toBe(`fur in the ${places[0]}`);
  });

  test("answers with an object of its output type", async () => {
    const agent = new Agent({
      name: "Reporter",
      model: await provide(useResponses, "stories"),
      outputType: z.object({ place: z.enum(["den", "burrow"]), isAsleep: z.boolean() }),
      modelSettings: { temperature: 0, maxTokens: 300 },
    });
    const { finalOutput } = await run(agent, question);
    expect(["den", "burrow"]).toContain(finalOutput?.place);
    expect(finalOutput?.isAsleep).toBeTypeOf("boolean");
  });
});
