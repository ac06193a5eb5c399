import { expect, test } from "vitest";
import type { LocalModel, ModelStatus } from "../../src/models/model-service.ts";
import { createPrefixNotes } from "../../src/registry/prefix-notes.ts";
import { maxDigestHashes, readPrefixDigest } from "../../src/text/prefix-digest.ts";
import { prefixesOfModel } from "../../src/text/prompt-prefix.ts";
import { fakeModel } from "../support/fake-core.ts";

function modelWith(isShareable: boolean | undefined): LocalModel {
  const kvPages = isShareable === undefined ? undefined : { pageTokens: 16, pageCount: 4, isShareable };
  return { ...fakeModel, memoryPlan: { ...fakeModel.memoryPlan, kvPages } };
}

function status(id: string, more: Partial<ModelStatus> = {}): ModelStatus {
  return { id, aliases: [], state: "ready", reasons: [], model: undefined, stats: undefined, ...more };
}

function create(models: Readonly<Record<string, LocalModel | undefined>>) {
  return createPrefixNotes({
    engines: Object.entries(models).map(([id, model]) => ({ id, model })),
    service: {
      models: () => [
        ...Object.keys(models).map((id) => status(id, { aliases: [`${id}-alias`] })),
        status("sql", { adapter: { directory: "/sql", baseId: "paged" } }),
      ],
    },
  });
}

test("only models whose engines keep prefixes have a digest", () => {
  const models = { slots: modelWith(undefined), own: modelWith(false), loading: undefined };
  const none = create(models);
  expect(none.isKept).toBe(false);
  const some = create({ ...models, paged: modelWith(true), idle: modelWith(true) });
  expect(some.isKept).toBe(true);
  for (const name of ["slots", "own", "loading", "paged", "nobody"]) some.note(name, [1]);
  some.note("idle", []);
  const names = ["slots", "own", "loading", "paged", "idle", "nobody"];
  expect(names.filter((name) => some.digestOf(name) !== undefined)).toEqual(["paged"]);
});

test("a digest has what each name of the model was sent, until the engine has lost it", () => {
  const notes = create({ paged: modelWith(true) });
  const names = ["paged", "paged-alias", "sql"];
  const prefixOf = (name: string, prefix: number): number => prefixesOfModel(name, [prefix])[0] ?? 0;
  for (const [at, name] of names.entries()) notes.note(name, [at]);
  const digest = readPrefixDigest(notes.digestOf("paged") ?? "");
  for (const [at, name] of names.entries()) {
    expect(digest?.has(prefixOf(name, at))).toBe(true);
    expect(digest?.has(prefixOf(name, at + 1))).toBe(false);
  }
  notes.forget("paged");
  expect(notes.digestOf("paged")).toBeUndefined();
});

test("the least recently used are dropped, and no beginning before those that go on from it", () => {
  const notes = create({ paged: modelWith(true) });
  const has = (prefixes: readonly number[]): readonly (boolean | undefined)[] => {
    const digest = readPrefixDigest(notes.digestOf("paged") ?? "");
    return prefixesOfModel("paged", prefixes).map((hash) => digest?.has(hash));
  };
  notes.note("paged", [1, 2, 3]);
  for (let at = 0; at < maxDigestHashes - 2; at += 1) notes.note("paged", [1000 + at]);
  expect(has([1, 2, 3])).toEqual([true, true, false]);
  notes.note("paged", [1]);
  for (let at = 0; at < 2; at += 1) notes.note("paged", [5000 + at]);
  expect(has([1, 2])).toEqual([true, false]);
});
