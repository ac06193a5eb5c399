import assert from "node:assert/strict";
import { rejectsWith, waitForCount, waitFor, type CaseBody } from "./case-context.ts";

/** The behaviour of the handle of a registered service. */
export const updateCases: Readonly<Record<string, CaseBody>> = {
  "merges updates of metadata and sets the state": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { model: "tiny", load: "0" } }));
    await registered.update({ metadata: { load: "3" } });
    await registered.update({ state: "warning" });
    const [instance] = await waitFor(
      provider,
      name,
      ([first]) => first?.metadata["load"] === "3" && first.state === "warning",
    );
    assert.deepEqual(instance?.metadata, { model: "tiny", load: "3" });
    assert.deepEqual(registered.service.metadata, { model: "tiny", load: "3" });
  },

  "applies updates in the order of the calls, awaited or not": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    const calls = ["1", "2", "3", "4"].map((load) => registered.update({ metadata: { load } }));
    calls.push(registered.update({ state: "critical" }), registered.update({ state: "warning" }));
    await Promise.all(calls);
    await waitFor(provider, name, ([first]) => first?.metadata["load"] === "4" && first.state === "warning");
    assert.equal(registered.service.metadata["load"], "4");
  },

  "deregisters after an update that was not awaited": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration());
    const update = registered.update({ state: "warning" });
    await registered.deregister();
    await Promise.allSettled([update]);
    await waitForCount(provider, name, 0);
  },

  "refuses an invalid update and changes nothing": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    await rejectsWith("INVALID_REGISTRATION", () =>
      registered.update({ metadata: { load: "x".repeat(513) } }),
    );
    assert.deepEqual((await waitForCount(provider, name, 1))[0]?.metadata, { load: "0" });
  },

  "deregisters once, ignores a second time, and refuses later updates": async ({
    provider,
    name,
    registration,
  }) => {
    const registered = await provider.register(registration());
    await registered.deregister();
    await registered.deregister();
    assert.deepEqual(await waitForCount(provider, name, 0), []);
    await rejectsWith("NOT_REGISTERED", () => registered.update({ state: "warning" }));
  },

  "keeps a new registration from the old handle of its id": async ({ provider, name, registration }) => {
    const service = registration();
    const old = await provider.register(service);
    await old.deregister();
    await provider.register(service);
    await old.deregister();
    await rejectsWith("NOT_REGISTERED", () => old.update({ state: "critical" }));
    assert.equal((await waitForCount(provider, name, 1))[0]?.state, "passing");
  },
};
