// Generates with the packages as a library: argument 1 is the runtime (`ffi` or `binding`), argument 2 the
// thread (`main` or `worker`), argument 3 for how many milliseconds.
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const load = (path) => import(new URL(`../../../packages/${path}`, import.meta.url).href);

async function generate([runtime, , workMs]) {
  const { createEngine } = await load("inference/dist/index.js");
  const { createOnnxExecutor } = await load("inference/dist/executors/onnx/index.js");
  const { createHostMemoryPool } = await load("memory/dist/index.js");
  const { embeddedModelDirectory, loadModel } = await load("models/dist/index.js");
  const memory = createHostMemoryPool();
  const checkpoint = await loadModel(embeddedModelDirectory());
  const executor = await createOnnxExecutor({ model: checkpoint, memory, maxSequences: 1, runtime });
  const { name: model, tokenizer, config } = checkpoint;
  const engine = createEngine({ memory, executor, tokenizer, eosTokenIds: config.eosTokenIds, model });
  const until = performance.now() + Number(workMs);
  do {
    const request = { promptTokenIds: tokenizer.encode("Once"), stopping: { maxTokens: 8 } };
    await engine.generate(request).result();
    await new Promise((resolve) => {
      setTimeout(resolve, 1000);
    });
  } while (performance.now() < until);
  for (const part of [engine, executor, checkpoint, memory]) await part.dispose();
  process.stdout.write(`${executor.description}\n`);
}

const args = isMainThread ? process.argv.slice(2) : workerData;
if (isMainThread && args[1] === "worker") {
  await once(new Worker(fileURLToPath(import.meta.url), { workerData: args }), "exit");
} else {
  await generate(args);
}
