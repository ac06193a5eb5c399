import { fileURLToPath } from "node:url";
import { createEngine } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { loadModel } from "@infernode/models";
import { expect, test } from "vitest";
import { checkAnswers } from "../../lib/check-answers.ts";
import { plainMemory } from "../../lib/plain-memory.ts";
import { createRandom } from "../../lib/random.ts";
import { randomSchema } from "../../lib/random-schema.ts";

const directory = fileURLToPath(new URL("../../../test/fixtures/checkpoints/llama31", import.meta.url));

test("answers of random weights match their schemas, or begin as ones that do", async () => {
  const model = await loadModel(directory);
  const executor = await createOnnxExecutor({ model, memory: plainMemory, maxSequences: 16, threads: 1 });
  const engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: model.config.eosTokenIds,
    model: model.name,
    memory: plainMemory,
  });
  const random = createRandom(7);
  const schemas = Array.from({ length: 24 }, () => randomSchema(random));
  const found = await checkAnswers({
    model,
    engine,
    schemas,
    answersPerSchema: 6,
    maxTokens: 120,
    temperature: 1.2,
    seed: 7,
  });
  await engine.dispose();
  await executor.dispose();
  await model.dispose();
  expect(found).toMatchObject({ invalid: [], strayed: [] });
  expect(found.refused).toBeLessThan(6);
  expect(found.ended).toBeGreaterThan(30);
});
