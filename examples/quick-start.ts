// From a checkpoint to a stream of text, with memory, clock and event sink injected.
import { createEngine, type EngineEventSink } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, loadModel } from "@infernode/models";

const memory = createHostMemoryPool();
const checkpoint = await loadModel(embeddedModelDirectory());
const executor = await createOnnxExecutor({ model: checkpoint, memory, maxSequences: 4 });
const { name: model, tokenizer, config } = checkpoint;
const events: EngineEventSink = {
  emit: (name, fact) => {
    if (name === "inference:request-finished") console.error(fact);
  },
};
const ports = { memory, events, clock: performance };
const engine = createEngine({ ...ports, executor, tokenizer, eosTokenIds: config.eosTokenIds, model });
const request = { promptTokenIds: tokenizer.encode("Once upon a time"), signal: AbortSignal.timeout(60_000) };
for await (const { text } of engine.generate(request)) process.stdout.write(text);
for (const part of [engine, executor, checkpoint, memory]) await part.dispose();
