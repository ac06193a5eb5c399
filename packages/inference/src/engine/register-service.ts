import type { DiscoveryPort } from "../ports.ts";
import type { EngineService } from "./resolve-engine-options.ts";

/** A registration on its way, or there. */
export interface Announcement {
  /** Why the registration failed. */
  readonly failure: string | undefined;
  /** Takes the registration back, once it is there. */
  withdraw(): Promise<void>;
}

/** Registers a service in the background: an engine serves whether it is found or not. */
export function announceService(
  discovery: DiscoveryPort,
  service: EngineService,
  onFailure: (reason: string) => void,
): Announcement {
  let failure: string | undefined;
  const registration = discovery.register(service).catch((error: unknown) => {
    failure = error instanceof Error ? error.message : String(error);
    onFailure(failure);
    return undefined;
  });
  return {
    get failure() {
      return failure;
    },
    withdraw: async () => {
      const registered = await registration;
      await registered?.deregister();
    },
  };
}
