import assert from "node:assert/strict";
import type { DiscoveryProvider, ServiceRegistration } from "../discovery-provider.ts";
import { nextList, rejectsWith, waitFor, waitForCount, type CaseBody } from "./case-context.ts";

/** The behaviour of `register` and `list`. */
export const registrationCases: Readonly<Record<string, CaseBody>> = {
  "lists a service as it was registered": async ({ provider, name, registration }) => {
    const service = registration({ tags: ["gpu"], metadata: { model: "tiny", version: "0.1.0" } });
    const registered = await provider.register(service);
    assert.deepEqual({ ...registered.service }, service);
    assert.deepEqual(await waitForCount(provider, name, 1), [{ ...service, state: "passing" }]);
  },

  "keeps a registration when the caller changes its object": async ({ provider, name, registration }) => {
    const metadata: Record<string, string> = { model: "tiny" };
    const tags = ["gpu"];
    await provider.register(registration({ tags, metadata }));
    metadata["model"] = "other";
    tags.push("late");
    const [instance] = await waitForCount(provider, name, 1);
    assert.deepEqual(instance?.metadata, { model: "tiny" });
    assert.deepEqual(instance?.tags, ["gpu"]);
  },

  "lists frozen instances": async ({ provider, name, registration }) => {
    await provider.register(registration({ tags: ["gpu"], metadata: { model: "tiny" } }));
    const [instance] = await waitForCount(provider, name, 1);
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
    await waitFor(
      provider,
      name,
      (list) => list.length === 2 && list.some(({ state }) => state === "critical"),
    );
    await waitForCount(provider, `${name}-other`, 1);
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

  "registers with the requested state, and with no other before": async ({
    provider,
    name,
    registration,
  }) => {
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    await nextList(watching);
    // Called first, so that no list in between is missed.
    const first = nextList(watching);
    await provider.register(registration(), { state: "critical" });
    assert.deepEqual(
      (await first).map(({ state }) => state),
      ["critical"],
    );
    await watching.return?.();
  },

  "lets one of two registrations of an id at the same time win": async ({ provider, name, registration }) => {
    const service = registration();
    const results = await Promise.allSettled([provider.register(service), provider.register(service)]);
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const refused = results.find((result) => result.status === "rejected");
    await rejectsWith("DUPLICATE_ID", () => Promise.reject(refused?.reason));
    assert.equal((await waitForCount(provider, name, 1)).length, 1);
  },

  "refuses an id that is taken, and frees it when it is deregistered": async ({
    provider,
    name,
    registration,
  }) => {
    const service = registration();
    const first = await provider.register(service);
    await rejectsWith("DUPLICATE_ID", () => provider.register(service));
    await first.deregister();
    await provider.register(service);
    assert.equal((await waitForCount(provider, name, 1))[0]?.id, service.id);
  },

  "refuses an invalid registration and stores nothing of it": async ({ provider, name, registration }) => {
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
    await rejectsWith("INVALID_REGISTRATION", () =>
      provider.register(registration(), { state: "up" as "passing" }),
    );
    assert.deepEqual(await provider.list({ name }), []);
  },
};
