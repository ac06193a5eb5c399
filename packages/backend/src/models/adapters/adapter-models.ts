import { resolve } from "node:path";
import { EngineRequestError } from "../../errors.ts";
import type { AdapterRef } from "../../operations/adapter.ts";
import { loadAdapter } from "../../operations/load-adapter.ts";
import type { CallEvent, Operation } from "../../operations/operation.ts";
import { retireAdapter } from "../../operations/retire-adapter.ts";
import { firstEvent } from "../../operations/operation.ts";
import type { CallOptions, ModelService, ModelStatus } from "../model-service.ts";
import { adapterRoom, type AdapterSettings } from "./adapter-room.ts";

/** The model of a service that adapters change, as it is configured. */
interface AdaptedModel extends Pick<AdapterSettings, "adapters"> {
  readonly id: string;
  readonly engine: Pick<AdapterSettings, "maxAdapters" | "allowsAdapterUpdates">;
}

/**
 * Makes a model of each adapter of a model: it is listed, and calls name it, as if it were one of its own. `load-adapter`
 * adds one, where that is allowed, and `retire-adapter` removes the one that it is called on: requests that run finish,
 * and new ones do not find it.
 */
export function createAdapterModels(base: ModelService, model: AdaptedModel): ModelService {
  const { id: modelId, adapters = {}, engine } = model;
  const { allowsAdapterUpdates = false } = engine;
  const room = adapterRoom({ ...engine, adapters });
  const loaded = new Map<string, AdapterRef>();
  const loading = new Set<string>();
  let lastVersion = 0;
  for (const [name, directory] of Object.entries(adapters)) {
    loaded.set(name, { name, directory, version: 0 });
  }

  const assertAllowed = (): void => {
    if (allowsAdapterUpdates) return;
    const message = "loading and unloading adapters while serving is off; see --allow-runtime-lora-updating";
    throw new EngineRequestError({ code: "ADAPTER_UPDATES_DISABLED", message });
  };
  const assertHasRoom = (name: string): void => {
    const refuse = (message: string): never => {
      throw new EngineRequestError({ code: "INVALID_REQUEST", message, param: "name" });
    };
    if (loaded.has(name) || loading.has(name)) {
      refuse(`expected a name that no adapter has, got ${JSON.stringify(name)}`);
    }
    if (loaded.size + loading.size >= room) {
      refuse(`expected at most ${room} adapters, got another one; unload one, or see --max-loras`);
    }
  };

  async function* load(given: AdapterRef, callOptions: CallOptions): AsyncGenerator<CallEvent> {
    assertAllowed();
    const { name } = given;
    assertHasRoom(name);
    lastVersion += 1;
    const adapter = { name, directory: resolve(given.directory), version: lastVersion };
    loading.add(name);
    try {
      const event = await firstEvent(base.call(loadAdapter, adapter, { ...callOptions, modelId }));
      loaded.set(name, adapter);
      yield event;
    } finally {
      loading.delete(name);
    }
  }
  async function* retire(adapter: AdapterRef, callOptions: CallOptions): AsyncGenerator<CallEvent> {
    assertAllowed();
    loaded.delete(adapter.name);
    yield* base.call(retireAdapter, adapter, { ...callOptions, modelId });
  }
  const statusOf = (status: ModelStatus, { name, directory }: AdapterRef): ModelStatus =>
    Object.assign({}, status, {
      id: name,
      aliases: [],
      model: status.model && { ...status.model, id: name },
      adapter: { directory, baseId: modelId },
    });
  /** The operation says which events and input it has; here, one of two that are known by name. */
  const callOf = <Event extends CallEvent>(events: AsyncIterable<CallEvent>): AsyncIterable<Event> =>
    events as AsyncIterable<Event>;

  return {
    ...delegate(base),
    models: () => {
      const statuses = [...base.models()];
      const own = statuses.find(({ id }) => id === modelId);
      if (own === undefined) return statuses;
      for (const adapter of loaded.values()) statuses.push(statusOf(own, adapter));
      return statuses;
    },
    call<Input, Event extends CallEvent>(
      operation: Operation<Input, Event>,
      input: NoInfer<Input>,
      callOptions: CallOptions,
    ): AsyncIterable<Event> {
      const adapter = loaded.get(callOptions.modelId);
      if (operation.name === loadAdapter.name) return callOf(load(input as AdapterRef, callOptions));
      if (adapter === undefined) return base.call(operation, input, callOptions);
      if (operation.name === retireAdapter.name) return callOf(retire(adapter, callOptions));
      const own = operation.takesAdapter === true ? Object.assign({}, input, { adapter }) : input;
      return base.call(operation, own, { ...callOptions, modelId });
    },
  };
}

function delegate(base: ModelService): Pick<ModelService, "drain" | "dispose" | typeof Symbol.asyncDispose> {
  return {
    drain: (options) => base.drain(options),
    dispose: () => base.dispose(),
    [Symbol.asyncDispose]: () => base.dispose(),
  };
}
