// Chat in a program, without a server.
import { open } from "@infernode/backend";

const model = await open("embedded"); // or a Hugging Face directory, or a GGUF file
for await (const text of model.chat("Tell me a story about an owl and a bell.")) process.stdout.write(text);
await model.close();
