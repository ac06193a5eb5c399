// Runs the daemon in this process and calls it with the openai client.
import { createDaemon, resolveConfig } from "@infernode/backend";
import OpenAI from "openai";

const { config } = await resolveConfig({ file: false, overrides: { server: { port: 0 } } });
await using daemon = createDaemon(config);
const { url } = await daemon.start();
const [served] = await daemon.ready();

// All events are on one typed bus.
daemon.events.on("inference:request-finished", ({ requestId, generatedTokenCount, totalMs }) => {
  process.stderr.write(`${requestId}: ${generatedTokenCount} tokens in ${totalMs.toFixed(0)} ms\n`);
});

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none is needed yet" });
const stream = await client.chat.completions.create({
  model: served?.id ?? "",
  messages: [{ role: "user", content: "Tell me a story about an owl and a bell." }],
  seed: 1,
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
process.stdout.write("\n");
