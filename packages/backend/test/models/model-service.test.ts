import { createCoreWithBuiltThreads } from "../support/create-core-with-built-threads.ts";
import type { EngineClient } from "../../src/models/engine/engine-client.ts";
import type { EngineCoreOptions } from "../../src/models/engine/engine-core.ts";
import { createEngineSupervisor } from "../../src/models/local/engine-supervisor.ts";
import { createInlineEngine } from "../../src/models/engine/inline-engine.ts";
import { createEventBus } from "../../src/events/event-bus.ts";
import { operations } from "../../src/operations/registry.ts";
import { createFakeProcesses } from "../support/fake-process.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { describeModelService, shout, type ConformingService } from "./model-service.conformance.ts";

const registry = [...operations, shout];

function optionsFor(modelDirectory: string): EngineCoreOptions {
  return {
    modelDirectory,
    maxSequences: 4,
    maxTokensPerStep: 64,
    maxQueuedRequests: 16,
    maxQueuedTokens: 4096,
    threads: 1,
    runtime: "auto",
  };
}

/** Makes engines over one tiny model, and puts all away. */
async function setUp(
  createClient: (options: EngineCoreOptions) => Promise<EngineClient>,
): Promise<ConformingService> {
  const model = await createTinyModel();
  const clients: EngineClient[] = [];
  const create = async (): Promise<EngineClient> => {
    const client = await createClient(optionsFor(model.directory));
    clients.push(client);
    return client;
  };
  return {
    client: await create(),
    createAnother: create,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.dispose();
      await model[Symbol.asyncDispose]();
    },
  };
}

describeModelService("an engine in this process", () =>
  setUp((engine) =>
    createInlineEngine({ engine, operations: registry, createCore: createCoreWithBuiltThreads }),
  ),
);

describeModelService("an engine behind a channel", () =>
  setUp(async (engine) => {
    const { startProcess } = createFakeProcesses((options, dependencies) =>
      createCoreWithBuiltThreads(options, { ...dependencies, operations: registry }),
    );
    const events = createEventBus({
      onHandlerError: (error) => {
        throw error;
      },
    });
    const supervisor = createEngineSupervisor({ engine, events, startProcess, heartbeatIntervalMs: 20 });
    await supervisor.start();
    return supervisor;
  }),
);
