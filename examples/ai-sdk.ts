// The AI SDK with models of this program, without a server.
import { createInfernode } from "@infernode/backend/ai-sdk";
import { generateObject, streamText } from "ai";
import { z } from "zod";

const infernode = createInfernode({ models: { stories: "embedded" } });
const model = infernode("stories");

const { textStream } = streamText({ model, prompt: "Tell me a story about a fox.", maxOutputTokens: 60 });
for await (const text of textStream) process.stdout.write(text);

// The schema is enforced token by token.
const schema = z.object({ animal: z.enum(["fox", "owl", "bear"]), age: z.int().min(1).max(9) });
const { object } = await generateObject({ model, schema, prompt: "Which animal?" });
process.stdout.write(`\n${object.animal}, ${object.age}\n`);
await infernode.close();
