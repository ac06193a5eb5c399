import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { itemStoreCases } from "../../src/conformance/store-cases.ts";
import { callInline, createItemStore } from "../../src/store/create-item-store.ts";
import { createMemoryStore } from "../../src/store/create-memory-store.ts";
import { createFileCore } from "../../src/store/file/file-core.ts";
import { openDatabase } from "../../src/store/file/open-database.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-store-"));
});
afterAll(async () => rm(folder, { recursive: true }));

describe("in memory", () => {
  const cases = itemStoreCases({ create: async (limits, clock) => createMemoryStore(limits, clock) });
  test.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("in a file", () => {
  let count = 0;
  const cases = itemStoreCases({
    create: async (limits, clock) => {
      count += 1;
      const database = await openDatabase(join(folder, `${count}.db`));
      return createItemStore({ limits, clock, calls: callInline(createFileCore(database, limits)) });
    },
  });
  test.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
