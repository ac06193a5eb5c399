import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createOnnxExecutor } from "../../../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../../../support/plain-memory.ts";
import { createRandomCheckpoint, tinyConfig } from "../../../support/random-checkpoint.ts";

const hasHugePages = existsSync("/sys/kernel/mm/transparent_hugepage");

/** The flags of each part of a file that is mapped into this process, by its offset in the file. */
function flagsOf(path: string): ReadonlyMap<number, readonly string[]> {
  const parts = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[\da-f]+-[\da-f]+ )/m);
  return new Map(
    parts
      .filter((part) => part.includes(path))
      .map((part) => [
        Number.parseInt(part.split(" ")[2] ?? "", 16),
        /^VmFlags: (.*)$/m.exec(part)?.[1]?.trim().split(" ") ?? [],
      ]),
  );
}

// Without huge pages, or on another system, there is nothing to be told.
test.skipIf(!hasHugePages)("rows of an embedding that are looked up bring in no huge pages", async () => {
  await using random = await createRandomCheckpoint({ ...tinyConfig, vocabSize: 4096 }, 11);
  const { model } = random;
  const embedding = model.weights.weight("embedding");
  if (embedding?.encoding !== "dense") throw new Error("expected a dense embedding");
  await using _ = await createOnnxExecutor({
    model,
    memory: new PlainMemory(),
    maxSequences: 1,
  });
  const { filePath, startByte, endByte } = embedding.data;
  const flags = [...flagsOf(filePath)].filter(([offset]) => offset >= startByte - 4096 && offset < endByte);
  expect(flags.length).toBeGreaterThan(0);
  for (const [, each] of flags) expect(each).toContain("nh");
});
