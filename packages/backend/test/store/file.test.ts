import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callInline, createItemStore } from "../../src/store/create-item-store.ts";
import { createFileCore } from "../../src/store/file/file-core.ts";
import { openDatabase } from "../../src/store/file/open-database.ts";
import { probeStoreFile } from "../../src/store/file/probe-file.ts";
import type { ItemStore } from "../../src/store/item-store.ts";

const limits = { maxBytes: 2 ** 20, retentionMs: 3_600_000 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "infernode-store-file-"));
});
afterAll(async () => rm(folder, { recursive: true }));

async function open(name: string): Promise<ItemStore> {
  const database = await openDatabase(join(folder, name));
  return createItemStore({ limits, calls: callInline(createFileCore(database, limits)) });
}

test("a file that is opened again has what it had, and counts it", async () => {
  const item = { id: "a", text: '"once"' };
  const first = await open("again.db");
  await first.commit([
    { type: "add", record: { id: "resp_1", kind: "response", head: "{}", previousId: undefined } },
    { type: "append", id: "resp_1", list: "input", items: [item] },
  ]);
  const before = first.stats();
  await first.dispose();
  const second = await open("again.db");
  expect(second.stats()).toEqual(before);
  expect(await second.findItems({ ids: ["a"], maxCharacters: 100 })).toEqual([item]);
  await second.dispose();
});

test("files of other programs and of newer releases are refused", async () => {
  const refusal = { code: "STORE_OPEN_FAILED" };
  const other = new DatabaseSync(join(folder, "other.db"));
  other.exec("CREATE TABLE notes (text TEXT)");
  other.close();
  const bytes = await readFile(join(folder, "other.db"));
  await expect(open("other.db")).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("another program"),
  });
  expect(await readFile(join(folder, "other.db"))).toEqual(bytes);
  await (await open("newer.db")).dispose();
  const newer = new DatabaseSync(join(folder, "newer.db"));
  newer.exec("PRAGMA user_version = 1000");
  newer.close();
  await expect(open("newer.db")).rejects.toMatchObject({
    ...refusal,
    message: expect.stringContaining("newer release"),
  });
});

test("a probe makes no file", async () => {
  await expect(probeStoreFile(join(folder, "new", "folder", "probe.db"))).resolves.toBeUndefined();
  expect(await readdir(folder)).not.toContain("new");
});

test.skipIf(process.getuid?.() === 0)("a probe says that a directory cannot be written", async () => {
  await chmod(folder, 0o500);
  await expect(probeStoreFile(join(folder, "probe.db"))).rejects.toMatchObject({ code: "EACCES" });
  await chmod(folder, 0o700);
});
