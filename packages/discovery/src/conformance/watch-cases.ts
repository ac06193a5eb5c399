import assert from "node:assert/strict";
import type { ServiceInstance } from "../discovery-provider.ts";
import { nextList, rejectsWith, waitForCount, type CaseBody } from "./case-context.ts";

/** The behaviour of `watch` and `dispose`. */
export const watchCases: Readonly<Record<string, CaseBody>> = {
  "watches from the current list through every kind of change": async ({ provider, name, registration }) => {
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

  "notifies a watcher neither of other services nor of an update without a change": async ({
    provider,
    name,
    registration,
  }) => {
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    await waitForCount(provider, name, 1);
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    await nextList(watching);
    await provider.register(registration({ name: `${name}-other` }));
    await waitForCount(provider, `${name}-other`, 1);
    await registered.update({ state: "passing", metadata: { load: "0" } });
    await registered.update({ metadata: { load: "1" } });
    assert.deepEqual(
      (await nextList(watching)).map(({ metadata }) => metadata["load"]),
      ["1"],
    );
    await watching.return?.();
  },

  "serves several watchers, independent of each other": async ({ provider, name, registration }) => {
    const [leaving, staying] = [provider.watch(name), provider.watch(name)].map((each) =>
      each[Symbol.asyncIterator](),
    ) as [AsyncIterator<readonly ServiceInstance[]>, AsyncIterator<readonly ServiceInstance[]>];
    await nextList(leaving);
    await nextList(staying);
    await leaving.return?.();
    await provider.register(registration());
    assert.equal((await nextList(staying)).length, 1);
    assert.equal((await leaving.next()).done, true);
    await staying.return?.();
  },

  "shows a slow watcher the latest list": async ({ provider, name, registration }) => {
    const watching = provider.watch(name)[Symbol.asyncIterator]();
    await nextList(watching);
    const registered = await provider.register(registration({ metadata: { load: "0" } }));
    for (let load = 1; load <= 5; load += 1) await registered.update({ metadata: { load: String(load) } });
    let list = await nextList(watching);
    for (let seen = 0; seen < 5 && list[0]?.metadata["load"] !== "5"; seen += 1) {
      list = await nextList(watching);
    }
    assert.equal(list[0]?.metadata["load"], "5");
    await watching.return?.();
  },

  "ends a pending watch when its signal aborts": async ({ provider, name }) => {
    const controller = new AbortController();
    const watching = provider.watch(name, { signal: controller.signal })[Symbol.asyncIterator]();
    await nextList(watching);
    const waiting = watching.next();
    controller.abort();
    assert.equal((await waiting).done, true);
    assert.equal((await watching.next()).done, true);
  },

  "yields nothing to a watch whose signal is aborted already": async ({ provider, name }) => {
    for await (const list of provider.watch(name, { signal: AbortSignal.abort() })) {
      assert.fail(`expected no list, got one of ${list.length}`);
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

  "refuses to be used after dispose, which is idempotent": async ({ provider, name, registration }) => {
    const registered = await provider.register(registration());
    await provider.dispose();
    await provider.dispose();
    await registered.deregister();
    await rejectsWith("PROVIDER_DISPOSED", () => provider.register(registration()));
    await rejectsWith("PROVIDER_DISPOSED", () => provider.list());
    await rejectsWith("PROVIDER_DISPOSED", () => registered.update({ state: "warning" }));
    await rejectsWith("PROVIDER_DISPOSED", async () => {
      for await (const list of provider.watch(name)) {
        assert.fail(`expected no list, got one of ${list.length}`);
      }
    });
  },
};
