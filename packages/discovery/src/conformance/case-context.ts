import assert from "node:assert/strict";
import type { DiscoveryProvider, ServiceInstance, ServiceRegistration } from "../discovery-provider.ts";

/** The context of a case. */
export interface CaseContext {
  readonly provider: DiscoveryProvider;
  /** A name that no other case uses. */
  readonly name: string;
  readonly registration: (change?: Partial<ServiceRegistration>) => ServiceRegistration;
}

/** One case: throws unless its title holds. */
export type CaseBody = (context: CaseContext) => Promise<void>;

/** Waits until the list matches: a remote registry may lag. */
export async function waitFor(
  provider: DiscoveryProvider,
  name: string,
  matches: (list: readonly ServiceInstance[]) => boolean,
): Promise<readonly ServiceInstance[]> {
  const signal = AbortSignal.timeout(10_000);
  for await (const list of provider.watch(name, { signal })) {
    if (matches(list)) return provider.list({ name });
  }
  throw new assert.AssertionError({ message: `expected the services named ${name} to change within 10 s` });
}

/** Waits until `count` services of the name are listed. */
export function waitForCount(
  provider: DiscoveryProvider,
  name: string,
  count: number,
): Promise<readonly ServiceInstance[]> {
  return waitFor(provider, name, (list) => list.length === count);
}

/** Returns the next list of a watch that has not ended. */
export async function nextList(
  watching: AsyncIterator<readonly ServiceInstance[]>,
): Promise<readonly ServiceInstance[]> {
  const result = await watching.next();
  assert.ok(result.done !== true, "expected a list, got the end of the watch");
  return result.value;
}

/** Throws unless the call rejects with the code. */
export async function rejectsWith(code: string, act: () => Promise<unknown>): Promise<void> {
  await assert.rejects(act, (error: unknown) => {
    assert.ok(
      error instanceof Error && "code" in error,
      `expected an error with the code ${code}, got ${String(error)}`,
    );
    assert.equal(error.code, code);
    return true;
  });
}
