import assert from "node:assert/strict";
import { rejectsWith, settled, until, type CaseBody } from "./case-context.ts";

/** What the handle of a registered service must do. */
export const updateCases: Readonly<Record<string, CaseBody>> = {
  "merges updates of metadata and sets the state": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { model: "tiny", load: "0" } }));
    await registered.update({ metadata: { load: "3" } });
    await registered.update({ state: "warning" });
    const [instance] = await settled(provider, name, 1);
    assert.deepEqual(instance?.metadata, { model: "tiny", load: "3" });
    assert.equal(instance?.state, "warning");
    assert.deepEqual(registered.service.metadata, { model: "tiny", load: "3" });
  },

  "applies updates in the order of the calls, awaited or not": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    const calls = ["1", "2", "3", "4"].map((load) => registered.update({ metadata: { load } }));
    calls.push(registered.update({ state: "critical" }), registered.update({ state: "warning" }));
    await Promise.all(calls);
    const [instance] = await until(provider, name, ([first]) => first?.metadata["load"] === "4");
    assert.equal(instance?.state, "warning");
    assert.equal(registered.service.metadata["load"], "4");
  },

  "deregisters for good after an update that nobody awaited": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration());
    const update = registered.update({ state: "warning" });
    await registered.deregister();
    await Promise.allSettled([update]);
    assert.deepEqual(await settled(provider, name, 0), []);
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
};
