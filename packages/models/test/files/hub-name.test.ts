import { describe, expect, it } from "vitest";
import { downloadAdvice, parseHubId, modelNameOf } from "../../src/files/hub-name.ts";

it.each([
  ["/models/Llama-3.2-1B", "Llama-3.2-1B"],
  ["/cache/hub/models--meta-llama--Llama-3.2-1B/snapshots/4e20de36", "meta-llama/Llama-3.2-1B"],
  ["/cache/hub/models--gpt2/snapshots/main", "gpt2"],
  ["/cache/models--a--b/blobs", "blobs"],
  ["/models/snapshots/today", "today"],
  ["/models--a/snapshots", "snapshots"],
  ["/", "model"],
  ["/models/Llama-3.2-1B.Q4_K_M.gguf", "Llama-3.2-1B.Q4_K_M"],
  ["/models/Llama-3.2-1B-00001-of-00003.gguf", "Llama-3.2-1B"],
])("names %s %s", (directory, name) => {
  expect(modelNameOf(directory)).toBe(name);
});

describe("parseHubId", () => {
  it.each([
    ["/srv/meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"],
    ["meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"],
    ["https://huggingface.co/Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"],
    ["/srv/https:/huggingface.co/Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"],
    ["hf://Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"],
    ["/srv/models/llama/8b", undefined],
    ["/elsewhere/llama", undefined],
    ["../llama", undefined],
    ["./llama", undefined],
    ["/srv/llama", undefined],
  ])("reads %s", (path, id) => {
    expect(parseHubId(path, "/srv")).toBe(id);
  });
});

it("explains how to download a model", () => {
  expect(downloadAdvice("/models/absent", undefined)).toMatch(
    /^models are not downloaded automatically; `hf download /,
  );
});
