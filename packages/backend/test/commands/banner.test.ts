import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { formatExampleRequest, formatBanner } from "../../src/commands/banner.ts";
import { fakeModel } from "../support/fake-core.ts";

test("escapes the example request for a shell, for any model name", () => {
  const model = { id: `it's a "model" $HOME`, hasChatTemplate: true };
  const command = formatExampleRequest("http://127.0.0.1:1", model).replace(/^curl/, "printf '%s\\n'");
  const lines = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim().split("\n");
  expect(lines[0]).toBe("http://127.0.0.1:1/v1/chat/completions");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ model: model.id, messages: [{ role: "user" }] });
});

test("uses completions for a model without a chat template", () => {
  const text = formatExampleRequest("http://x", fakeModel);
  expect(text).toContain("/v1/completions");
  expect(text).toContain('"prompt"');
});

test("shows the models and a URL that can be opened", () => {
  const text = formatBanner({
    url: "http://0.0.0.0:8000",
    models: [
      { model: fakeModel, engine: "a fake" },
      { model: { ...fakeModel, id: "second" }, engine: "another fake" },
    ],
    readyMs: 12,
    useColor: false,
  });
  expect(text).toContain("http://127.0.0.1:8000/v1");
  expect(text).toContain("http://127.0.0.1:8000/docs");
  expect(text).toContain("12 ms");
  for (const word of [fakeModel.id, "a fake", "second", "another fake"]) expect(text).toContain(word);
  expect(text).not.toContain("\u001B");
});
