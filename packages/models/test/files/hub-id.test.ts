import { describe, expect, it } from "vitest";
import { downloadAdvice, hubIdIn } from "../../src/files/hub-id.ts";

describe("hubIdIn", () => {
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
    expect(hubIdIn(path, "/srv")).toBe(id);
  });
});

it("says where nothing is downloaded, whatever was given", () => {
  expect(downloadAdvice("/models/absent", undefined)).toMatch(
    /^nothing is downloaded by itself; `hf download /,
  );
});
