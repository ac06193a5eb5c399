// Everything that the engine needs is an interface: this memory counts what it allocates.
import { createEngine } from "@infernode/inference";
import type { MemoryPort } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { createLlamaLoader, embeddedModelDirectory } from "@infernode/models";

const pool = createHostMemoryPool();
const bytesByPurpose = new Map<string, number>();
const memory: MemoryPort = {
  allocate(request) {
    const { sizeBytes, tag } = request;
    bytesByPurpose.set(tag.purpose, (bytesByPurpose.get(tag.purpose) ?? 0) + sizeBytes);
    return pool.allocate(request);
  },
};

await using model = await createLlamaLoader().load(embeddedModelDirectory());
await using executor = await createOnnxExecutor({ model, memory, maxSequences: 4 });
await using engine = createEngine({
  executor,
  tokenizer: model.tokenizer,
  eosTokenIds: model.config.eosTokenIds,
  model: model.name,
  memory,
});
// Four answers to one prompt, in one batch.
const stream = engine.generate({
  promptTokenIds: model.tokenizer.encode("Once upon a time"),
  n: 4,
  sampling: { temperature: 0.8, seed: 7 },
  stopping: { maxTokens: 40 },
});
const { choices, usage } = await stream.result();
for (const { index, text } of choices) process.stdout.write(`${index}: Once upon a time${text}\n`);
process.stdout.write(`${usage.completionTokens} tokens; bytes by purpose: `);
process.stdout.write(`${JSON.stringify(Object.fromEntries(bytesByPurpose))}\n`);
