import type { CheckedService, ServiceInstance } from "@infernode/discovery";
import type { ConsulStatus } from "@infernode/discovery/consul";
import type { DiscoverySettings } from "../config/config.ts";
import type { OpenedDiscovery } from "./opened-discovery.ts";

/** The registry as one process knows it. */
export interface RegistryReport {
  readonly provider: DiscoverySettings["provider"];
  readonly serviceName: string;
  /** `null` where there is none outside this process. */
  readonly registry: Pick<ConsulStatus, "url" | "state" | "reason" | "contactAgeMs"> | null;
  /** What daemons that are known beforehand answered; `undefined` with another provider. */
  readonly checks: readonly CheckedService[] | undefined;
  /** What this process registers; `isConfirmed`: the registry has it so. */
  readonly registrations: readonly (ServiceInstance & {
    readonly isConfirmed: boolean;
    readonly reason: string | undefined;
  })[];
  /** All of the name that the registry has; `undefined` if it does not answer and no list is known. */
  readonly instances: readonly ServiceInstance[] | undefined;
  /** Since the list was known to be so. */
  readonly instancesAgeMs: number | undefined;
  /** Why there is no list. */
  readonly reason: string | undefined;
}

/** How long the registry may take to answer somebody who looks. */
const timeoutMs = 2000;

/** Asks the registry; if it does not answer, reports the last list that it gave. */
export async function reportRegistry(
  { provider, status, checks, looked }: OpenedDiscovery,
  settings: Pick<DiscoverySettings, "provider" | "serviceName">,
  own: readonly ServiceInstance[],
): Promise<RegistryReport> {
  const { serviceName: name } = settings;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `expected an answer of the registry within ${timeoutMs} ms, got none`;
    timer = setTimeout(() => reject(new Error(message)), timeoutMs);
  });
  let instances: readonly ServiceInstance[] | undefined;
  let reason: string | undefined;
  try {
    instances = await Promise.race([looked().then(() => provider.list({ name })), late]);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
  const standing = status();
  const ages = new Map(standing?.lists.map((list) => [list.name, list.ageMs]));
  return {
    provider: settings.provider,
    serviceName: name,
    registry:
      standing === undefined
        ? null
        : {
            url: standing.url,
            state: standing.state,
            reason: standing.reason,
            contactAgeMs: roundedMs(standing.contactAgeMs),
          },
    checks: checks()?.map(({ id, isAnswering, reason: why, answerAgeMs }) => ({
      id,
      isAnswering,
      reason: why,
      answerAgeMs: roundedMs(answerAgeMs),
    })),
    registrations: own.map((instance) => {
      const told = standing?.registrations.find(({ id }) => id === instance.id);
      const isConfirmed = standing === undefined || told?.isConfirmed === true;
      return { ...instance, isConfirmed, reason: told?.reason };
    }),
    instances,
    instancesAgeMs: instances === undefined ? undefined : (roundedMs(ages.get(name)) ?? 0),
    reason,
  };
}

function roundedMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}
