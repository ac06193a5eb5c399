import { expect, test } from "vitest";
import { createMemoryBudget, type MemoryBudget } from "../../src/models/memory-budget.ts";

const demand = { minBytes: 10, maxBytes: 1000 };

function budgetOf(modelIds: readonly string[], waitTimeoutMs = 60_000): MemoryBudget {
  return createMemoryBudget({
    modelIds,
    waitTimeoutMs,
    readMemory: () => ({ deviceId: "cpu", availableBytes: 100 }),
  });
}

test("is divided when all models have asked, whichever is first", async () => {
  for (const order of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    const budget = budgetOf(["a", "b"]);
    const parts = await Promise.all(order.map((id) => budget.share(id).reserve(demand)));
    expect(parts.map(({ availableBytes }) => availableBytes)).toEqual([50, 50]);
  }
});

test("names what the others have reserved", async () => {
  const budget = budgetOf(["a", "b"]);
  const [part] = await Promise.all(["a", "b"].map((id) => budget.share(id).reserve(demand)));
  expect(part).toEqual({
    deviceId: "cpu",
    availableBytes: 50,
    reservations: [{ model: "b", sizeBytes: 50 }],
  });
});

test("waits for no model that has failed before it asked", async () => {
  const budget = budgetOf(["a", "b"]);
  const part = budget.share("a").reserve(demand);
  budget.share("b").withdraw();
  expect((await part).availableBytes).toBe(100);
});

test("keeps a fair part for a model that is late, and does not wait for it", async () => {
  const budget = budgetOf(["a", "b"], 1);
  expect((await budget.share("a").reserve(demand)).availableBytes).toBe(55);
  expect((await budget.share("b").reserve(demand)).availableBytes).toBe(45);
});

test("answers a model that asks again, after a crash, the same", async () => {
  const budget = budgetOf(["a"]);
  const share = budget.share("a");
  const first = await share.reserve(demand);
  share.settle(30);
  expect(await share.reserve({ minBytes: 1, maxBytes: 2 })).toEqual(first);
});

test("what a model was not planned with, or has given back, is there for the next one", async () => {
  const budget = budgetOf(["a"]);
  await budget.share("a").reserve(demand);
  budget.share("a").settle(30);
  expect((await budget.share("b").reserve(demand)).availableBytes).toBe(70);
  budget.share("b").withdraw();
  budget.share("a").withdraw();
  expect((await budget.share("c").reserve(demand)).availableBytes).toBe(100);
});

test("tells a model that does not fit what the others need, and what that leaves", async () => {
  const budget = budgetOf(["a", "b"]);
  const [, part] = await Promise.all([
    budget.share("a").reserve({ minBytes: 30, maxBytes: 1000 }),
    budget.share("b").reserve({ minBytes: 80, maxBytes: 80 }),
  ]);
  expect(part).toEqual({
    deviceId: "cpu",
    availableBytes: 70,
    reservations: [{ model: "a", sizeBytes: 30 }],
  });
});

test("is all the only model's at once; several must reserve, and know their share after that", async () => {
  const alone = budgetOf(["a"]).share("a");
  expect(alone.granted()).toEqual({ deviceId: "cpu", availableBytes: 100 });
  expect(await alone.reserve(demand)).toEqual(alone.granted());
  const [a, b] = [budgetOf(["a", "b"])].flatMap((budget) => [budget.share("a"), budget.share("b")]);
  expect([a?.granted(), b?.granted()]).toEqual([undefined, undefined]);
  const parts = await Promise.all([a?.reserve(demand), b?.reserve(demand)]);
  expect([a?.granted(), b?.granted()]).toEqual(parts);
});

test("is not all of one model's after another one's failure", async () => {
  const budget = budgetOf(["a", "b"]);
  const [part] = await Promise.all(["a", "b"].map((id) => budget.share(id).reserve(demand)));
  budget.share("b").withdraw();
  expect(budget.share("a").granted()).toEqual(part);
});
