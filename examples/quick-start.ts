// From a checkpoint to a stream of text, with the memory, the clock and the event sink passed in.
import { createEngine } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, loadModel } from "@infernode/models";

const memory = createHostMemoryPool();
const checkpoint = await loadModel(embeddedModelDirectory());
const { name: model, tokenizer, config } = checkpoint;
const executor = await createOnnxExecutor({ model: checkpoint, memory, maxSequences: 4 });
const ports = { memory, clock: performance, events: { emit: (...[fact]: unknown[]) => console.error(fact) } };
const engine = createEngine({ ...ports, executor, tokenizer, eosTokenIds: config.eosTokenIds, model });
const promptTokenIds = tokenizer.encode("Once upon a time");
const stream = engine.generate({ promptTokenIds, signal: AbortSignal.timeout(60_000) });
for await (const { text } of stream) process.stdout.write(text);
for (const part of [engine, executor, checkpoint, memory]) await part.dispose();
