import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkAnswers } from "../../lib/check-answers.ts";
import { openEngine } from "../../lib/open-engine.ts";
import { createRandom } from "../../lib/random.ts";
import { randomSchema } from "../../lib/random-schema.ts";

const directory = fileURLToPath(new URL("../../../test/fixtures/checkpoints/llama31", import.meta.url));

test("answers of random weights match their schemas, or begin as ones that do", async () => {
  await using opened = await openEngine(directory, 1);
  const { model, engine } = opened;
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
  expect(found).toMatchObject({ invalid: [], strayed: [] });
  expect(found.refused).toBeLessThan(6);
  expect(found.ended).toBeGreaterThan(30);
});
