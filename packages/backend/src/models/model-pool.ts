import { BackendError } from "../errors.ts";
import { deferIteration } from "../iteration/defer-iteration.ts";
import type { ModelService } from "./model-service.ts";

/** A model of a pool and the service that serves it. */
export interface PoolMember {
  readonly id: string;
  /** Other names that calls may use. */
  readonly aliases: readonly string[];
  /** Serves the one model `id`. */
  readonly service: ModelService;
}

/**
 * Combines services of one model each; a call is routed by its `modelId`.
 * @throws BackendError `INVALID_CONFIG` if two models have the same name
 */
export function createModelPool(members: readonly PoolMember[]): ModelService {
  const byName = new Map<string, PoolMember>();
  for (const member of members) {
    for (const name of [member.id, ...member.aliases]) {
      if (byName.has(name)) {
        throw new BackendError("INVALID_CONFIG", `expected one model named ${JSON.stringify(name)}, got two`);
      }
      byName.set(name, member);
    }
  }
  const refuse = (name: string): AsyncIterable<never> => {
    const ids = members.map(({ id }) => JSON.stringify(id)).join(", ");
    const message = `expected one of the models ${ids}, got ${JSON.stringify(name)}`;
    return deferIteration(() => {
      throw new BackendError("UNKNOWN_MODEL", message);
    });
  };
  const ofAll = async (work: (service: ModelService) => Promise<void>): Promise<void> => {
    await Promise.all(members.map(async ({ service }) => work(service)));
  };
  const dispose = (): Promise<void> => ofAll((service) => service.dispose());

  return {
    models: () =>
      members.flatMap(({ aliases, service }) =>
        service
          .models()
          .map((status) => Object.assign({}, status, status.adapter === undefined && { aliases })),
      ),
    call: (operation, input, options) => {
      const named = byName.get(options.modelId);
      const member = named ?? members.find(({ service }) => hasModel(service, options.modelId));
      if (member === undefined) return refuse(options.modelId);
      // What a service has beside its own model are adapters, which come and go.
      const modelId = named === undefined ? options.modelId : member.id;
      return member.service.call(operation, input, { ...options, modelId });
    },
    drain: (options) => ofAll((service) => service.drain(options)),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function hasModel(service: ModelService, name: string): boolean {
  return service.models().some(({ id }) => id === name);
}
