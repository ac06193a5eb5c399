import { join } from "node:path";
import { expect, test } from "vitest";
import { postJson } from "./support/post-json.ts";
import { startForTest } from "./support/start-for-test.ts";

test("of a model that takes images the text is served, the log says so, and an image is refused", async () => {
  const path = join(import.meta.dirname, "../fixtures/checkpoints/gemma3-images");
  const daemon = await startForTest({ args: ["--model", path, "--context-tokens", "128"] });
  expect(daemon.logs.filter(({ level, source }) => level === 40 && source === "engine")).toMatchObject([
    {
      model: "gemma3-images",
      msg: "only the text part of the model is served: 23 tensors of multi_modal_projector, vision_tower are not read",
    },
  ]);
  const text = { type: "text", text: "hi" };
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
  const chat = (content: readonly object[]): ReturnType<typeof postJson> =>
    postJson(`${daemon.url}/v1/chat/completions`, {
      model: "gemma3-images",
      max_tokens: 3,
      ignore_eos: true,
      messages: [{ role: "user", content }],
    });
  expect(await chat([text])).toMatchObject({ status: 200, body: { usage: { completion_tokens: 3 } } });
  expect(await chat([text, image])).toMatchObject({
    status: 400,
    body: { error: { code: "unsupported_content", param: "messages[0].content[1]" } },
  });
});
