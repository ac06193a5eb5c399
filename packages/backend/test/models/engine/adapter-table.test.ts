import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AdapterStorage } from "@infernode/inference";
import { openCheckpoint } from "@infernode/models";
import { expect, test } from "vitest";
import { createAdapterTable } from "../../../src/models/engine/adapter-table.ts";
import type { AdapterRef, AdapterService } from "../../../src/operations/adapter.ts";

const fixtures = fileURLToPath(new URL("../../../../../test/fixtures", import.meta.url));
const { config, weights } = await openCheckpoint(join(fixtures, "checkpoints", "llama2"));
await weights.close();

function refOf(name: string, version = 0, from = "llama2-all"): AdapterRef {
  return { name, version, directory: join(fixtures, "adapters", from) };
}

/** Places that record what is in them. */
function createPlaces(count: number): {
  readonly table: AdapterService;
  readonly used: Set<number>;
  loads: number;
} {
  const used = new Set<number>();
  const storage: AdapterStorage = {
    maxAdapters: count,
    maxRank: 8,
    load: async (place) => {
      expect(used.has(place)).toBe(false);
      used.add(place);
      places.loads += 1;
    },
    unload: (place) => void used.delete(place),
    loadIdAt: (place) => place,
  };
  const places = { table: createAdapterTable({ storage, config }), used, loads: 0 };
  return places;
}

test("loads an adapter once for all that hold it, and keeps it for the next", async () => {
  const places = createPlaces(2);
  const leases = await Promise.all([1, 2, 3].map(() => places.table.acquire(refOf("a"))));
  expect(new Set(leases.map(({ place }) => place)).size).toBe(1);
  for (const lease of leases) lease.release();
  (await places.table.acquire(refOf("a"))).release();
  expect(places.loads).toBe(1);
});

test("frees an adapter that is retired when the last request ends, and no sooner", async () => {
  const { table, used } = createPlaces(1);
  const leases = [await table.acquire(refOf("a")), await table.acquire(refOf("a"))];
  table.retire(refOf("a"));
  leases[0]?.release();
  leases[0]?.release();
  expect(used.size).toBe(1);
  await expect(table.acquire(refOf("b"))).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
  leases[1]?.release();
  expect(used.size).toBe(0);
  await expect(table.acquire(refOf("b"))).resolves.toMatchObject({ place: 1 });
});

test("takes a name that was loaded anew for another adapter", async () => {
  const places = createPlaces(2);
  const old = await places.table.acquire(refOf("a", 1));
  places.table.retire(refOf("a", 1));
  const next = await places.table.acquire(refOf("a", 2));
  expect(next.place).not.toBe(old.place);
});

test("makes room by the least recently used adapter that nobody holds", async () => {
  const { table, used } = createPlaces(2);
  const first = await table.acquire(refOf("a"));
  (await table.acquire(refOf("b"))).release();
  first.release();
  (await table.acquire(refOf("a"))).release();
  const { place } = await table.acquire(refOf("c"));
  expect(place).not.toBe(first.place);
  expect(used.size).toBe(2);
});

test("has the place back of an adapter that cannot be loaded", async () => {
  const { table } = createPlaces(1);
  for (let time = 0; time < 3; time += 1) {
    await expect(table.acquire(refOf("a", 0, "phi3-fused"))).rejects.toMatchObject({
      code: "TENSOR_SHAPE_MISMATCH",
    });
  }
  await expect(table.acquire(refOf("a"))).resolves.toMatchObject({ place: 1 });
});

test("refuses adapters where there is no room for any", async () => {
  const table = createAdapterTable({ storage: undefined, config });
  await expect(table.acquire(refOf("a"))).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});
