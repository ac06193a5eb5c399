import type { CheckedService, DiscoveryProvider } from "@infernode/discovery";
import type { ConsulStatus } from "@infernode/discovery/consul";

/** A provider, and how it stands with its registry. */
export interface OpenedDiscovery {
  readonly provider: DiscoveryProvider;
  /** `undefined` where there is no registry outside this process. */
  readonly status: () => ConsulStatus | undefined;
  /** What daemons that are known beforehand answered; `undefined` with another provider. */
  readonly checks: () => readonly CheckedService[] | undefined;
  /** Resolves when each of them was asked once. */
  readonly looked: () => Promise<void>;
}

/** A provider that asks nobody. */
export function withoutRegistry(provider: DiscoveryProvider): OpenedDiscovery {
  return { provider, status: () => undefined, checks: () => undefined, looked: () => Promise.resolve() };
}

type Present<Values> = { readonly [Key in keyof Values]?: Exclude<Values[Key], undefined> };

/** Leaves out what is `undefined`. */
export function withoutAbsent<Values extends object>(values: Values): Present<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<Values>;
}
