import assert from "node:assert/strict";
import type { DiscoveryProvider, ServiceInstance, ServiceRegistration } from "./discovery-provider.ts";

/** One sentence about a provider that holds or throws; run it in any test framework. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export interface DiscoveryConformanceOptions {
  /** Makes a provider for one case, which disposes it. */
  readonly create: () => Promise<DiscoveryProvider>;
  /** Begins every service's name and id, so that cases can share a registry with others. [conformance] */
  readonly namePrefix?: string;
}

interface CaseContext {
  readonly provider: DiscoveryProvider;
  /** A name that no other case uses. */
  readonly name: string;
  readonly registration: (change?: Partial<ServiceRegistration>) => ServiceRegistration;
}

type CaseBody = (context: CaseContext) => Promise<void>;

/** Lists what every discovery provider must do, as cases that are independent of each other. */
export function discoveryProviderCases(options: DiscoveryConformanceOptions): readonly ConformanceCase[] {
  const { create, namePrefix = "conformance" } = options;
  return Object.entries(bodies).map(([name, body], index) => ({
    name,
    async run() {
      const provider = await create();
      const serviceName = `${namePrefix}-${index}`;
      let count = 0;
      const registration = (change: Partial<ServiceRegistration> = {}): ServiceRegistration => {
        count += 1;
        return {
          id: `${serviceName}-${count}`,
          name: serviceName,
          address: "127.0.0.1",
          port: 8000 + count,
          tags: [],
          metadata: {},
          ...change,
        };
      };
      try {
        await body({ provider, name: serviceName, registration });
      } finally {
        await provider.dispose();
      }
    },
  }));
}

const bodies: Readonly<Record<string, CaseBody>> = {
  "lists a service as it was registered": async ({ provider, name, registration }) => {
    const wanted = registration({ tags: ["gpu"], metadata: { model: "tiny", version: "0.1.0" } });
    const registered = await provider.register(wanted);
    assert.deepEqual({ ...registered.service }, wanted);
    assert.deepEqual(await settled(provider, name, 1), [{ ...wanted, state: "passing" }]);
  },

  "keeps what was registered when the caller changes its object": async ({
    provider,
    name,
    registration,
  }) => {
    const metadata: Record<string, string> = { model: "tiny" };
    const tags = ["gpu"];
    await provider.register(registration({ tags, metadata }));
    metadata["model"] = "other";
    tags.push("late");
    const [instance] = await settled(provider, name, 1);
    assert.deepEqual(instance?.metadata, { model: "tiny" });
    assert.deepEqual(instance?.tags, ["gpu"]);
  },

  "gives out instances that cannot be changed": async ({ provider, name, registration }) => {
    await provider.register(registration({ tags: ["gpu"], metadata: { model: "tiny" } }));
    const [instance] = await settled(provider, name, 1);
    assert.ok(Object.isFrozen(instance));
    assert.ok(Object.isFrozen(instance?.tags));
    assert.ok(Object.isFrozen(instance?.metadata));
  },

  "filters by name, by tag and by state, and by all together": async ({ provider, name, registration }) => {
    const gpu = registration({ tags: ["gpu", "large"] });
    const cpu = registration({ tags: ["cpu"] });
    const other = registration({ name: `${name}-other`, tags: ["gpu"] });
    await provider.register(gpu);
    const second = await provider.register(cpu);
    await provider.register(other);
    await second.update({ state: "critical" });
    await settled(provider, name, 2);
    await settled(provider, `${name}-other`, 1);
    const ids = async (filter: Parameters<DiscoveryProvider["list"]>[0]): Promise<readonly string[]> =>
      (await provider.list(filter))
        .map(({ id }) => id)
        .filter((id) => id.startsWith(name))
        .toSorted();
    assert.deepEqual(await ids({ name }), [gpu.id, cpu.id]);
    assert.deepEqual(await ids({ tag: "gpu" }), [gpu.id, other.id]);
    assert.deepEqual(await ids({ name, tag: "gpu" }), [gpu.id]);
    assert.deepEqual(await ids({ name, state: "critical" }), [cpu.id]);
    assert.deepEqual(await ids({ name, tag: "gpu", state: "critical" }), []);
  },

  "refuses an id that is taken, and frees it when it is deregistered": async ({
    provider,
    name,
    registration,
  }) => {
    const wanted = registration();
    const first = await provider.register(wanted);
    await rejectsWith("DUPLICATE_ID", () => provider.register(wanted));
    await first.deregister();
    await provider.register(wanted);
    assert.equal((await settled(provider, name, 1))[0]?.id, wanted.id);
  },

  "refuses what is not a registration and keeps nothing of it": async ({ provider, name, registration }) => {
    const broken: readonly Partial<ServiceRegistration>[] = [
      { id: "" },
      { name: "Not A Name" },
      { address: "" },
      { port: 65_536 },
      { port: 1.5 },
      { tags: [""] },
      { metadata: { "a key": "" } },
      { metadata: { key: "x".repeat(513) } },
    ];
    for (const change of broken) {
      await rejectsWith("INVALID_REGISTRATION", () => provider.register(registration(change)));
    }
    assert.deepEqual(await provider.list({ name }), []);
  },

  "merges updates of metadata and sets the state": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { model: "tiny", load: "0" } }));
    await registered.update({ metadata: { load: "3" } });
    await registered.update({ state: "warning" });
    const [instance] = await settled(provider, name, 1);
    assert.deepEqual(instance?.metadata, { model: "tiny", load: "3" });
    assert.equal(instance?.state, "warning");
    assert.deepEqual(registered.service.metadata, { model: "tiny", load: "3" });
  },

  "refuses an invalid update and keeps what was": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    await rejectsWith("INVALID_REGISTRATION", () =>
      registered.update({ metadata: { load: "x".repeat(513) } }),
    );
    assert.deepEqual((await settled(provider, name, 1))[0]?.metadata, { load: "0" });
  },

  "deregisters once, says nothing the second time, and refuses later updates": async ({
    provider,
    name,
    registration,
  }) => {
    const registered = await provider.register(registration());
    await registered.deregister();
    await registered.deregister();
    assert.deepEqual(await settled(provider, name, 0), []);
    await rejectsWith("NOT_REGISTERED", () => registered.update({ state: "warning" }));
  },

  "lets an old handle alone when its id was registered anew": async ({ provider, name, registration }) => {
    const wanted = registration();
    const old = await provider.register(wanted);
    await old.deregister();
    await provider.register(wanted);
    await old.deregister();
    await rejectsWith("NOT_REGISTERED", () => old.update({ state: "critical" }));
    assert.equal((await settled(provider, name, 1))[0]?.state, "passing");
  },

  "watches from the present list through every kind of change": async ({ provider, name, registration }) => {
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    assert.deepEqual(await nextList(watching), []);
    const registered = await provider.register(registration());
    assert.deepEqual(
      (await nextList(watching)).map(({ state }) => state),
      ["passing"],
    );
    await registered.update({ state: "warning" });
    assert.deepEqual(
      (await nextList(watching)).map(({ state }) => state),
      ["warning"],
    );
    await registered.deregister();
    assert.deepEqual(await nextList(watching), []);
    await watching.return?.();
  },

  "shows a slow watcher the latest list": async ({ provider, name, registration }) => {
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    await nextList(watching);
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    for (let load = 1; load <= 5; load += 1) await registered.update({ metadata: { load: String(load) } });
    let list = await nextList(watching);
    for (let seen = 0; seen < 5 && list[0]?.metadata["load"] !== "5"; seen += 1)
      list = await nextList(watching);
    assert.equal(list[0]?.metadata["load"], "5");
    await watching.return?.();
  },

  "ends a watch that waits when its signal aborts": async ({ provider, name }) => {
    const controller = new AbortController();
    const watching = provider.watch(name, { signal: controller.signal })[Symbol.asyncIterator]();
    await nextList(watching);
    const waiting = watching.next();
    controller.abort();
    assert.equal((await waiting).done, true);
    assert.equal((await watching.next()).done, true);
  },

  "yields nothing to a watch whose signal has aborted before": async ({ provider, name }) => {
    for await (const list of provider.watch(name, { signal: AbortSignal.abort() })) {
      assert.fail(`expected no list, found one of ${list.length}`);
    }
  },

  "ends watches when it is disposed": async ({ provider, name, registration }) => {
    await provider.register(registration());
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    await nextList(watching);
    const waiting = watching.next();
    await provider.dispose();
    assert.equal((await waiting).done, true);
  },

  "refuses to be used once it is disposed, and is disposed twice without complaint": async ({
    provider,
    name,
    registration,
  }) => {
    const registered = await provider.register(registration());
    await provider.dispose();
    await provider.dispose();
    await registered.deregister();
    await rejectsWith("PROVIDER_DISPOSED", () => provider.register(registration()));
    await rejectsWith("PROVIDER_DISPOSED", () => provider.list());
    await rejectsWith("PROVIDER_DISPOSED", () => registered.update({ state: "warning" }));
    await rejectsWith("PROVIDER_DISPOSED", async () => {
      for await (const list of provider.watch(name))
        assert.fail(`expected no list, found one of ${list.length}`);
    });
  },
};

/** Waits until as many services of the name are listed: a registry on another machine may lag. */
async function settled(
  provider: DiscoveryProvider,
  name: string,
  count: number,
): Promise<readonly ServiceInstance[]> {
  const signal = AbortSignal.timeout(10_000);
  for await (const list of provider.watch(name, { signal })) {
    if (list.length === count) return list.length === 0 ? list : provider.list({ name });
  }
  throw new assert.AssertionError({ message: `expected ${count} services named ${name} within 10 s` });
}

async function nextList(
  watching: AsyncIterator<readonly ServiceInstance[]>,
): Promise<readonly ServiceInstance[]> {
  const result = await watching.next();
  assert.ok(result.done !== true, "expected a list, found the end of the watch");
  return result.value;
}

async function rejectsWith(code: string, act: () => Promise<unknown>): Promise<void> {
  await assert.rejects(act, (error: unknown) => {
    assert.ok(
      error instanceof Error && "code" in error,
      `expected an error with the code ${code}, found ${String(error)}`,
    );
    assert.equal(error.code, code);
    return true;
  });
}
