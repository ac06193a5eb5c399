import { reasonOf } from "../errors.ts";
import type { DiscoveryPort } from "../ports.ts";
import type { EngineService } from "./resolve-engine-options.ts";

/** A registration, pending or complete. */
export interface Registration {
  /** Why the registration failed. */
  readonly failure: string | undefined;
  /** Takes the registration back once it is complete. */
  deregister(): Promise<void>;
}

/** Registers a service in the background: an engine serves whether or not it can be discovered. */
export function registerService(
  discovery: DiscoveryPort,
  service: EngineService,
  onFailure: (reason: string) => void,
): Registration {
  let failure: string | undefined;
  const registration = discovery.register(service).catch((error: unknown) => {
    failure = reasonOf(error);
    onFailure(failure);
  });
  return {
    get failure() {
      return failure;
    },
    deregister: async () => (await registration)?.deregister(),
  };
}
