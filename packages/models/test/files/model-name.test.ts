import { expect, it } from "vitest";
import { modelNameOf } from "../../src/files/model-name.ts";

it.each([
  ["/models/Llama-3.2-1B", "Llama-3.2-1B"],
  ["/cache/hub/models--meta-llama--Llama-3.2-1B/snapshots/4e20de36", "meta-llama/Llama-3.2-1B"],
  ["/cache/hub/models--gpt2/snapshots/main", "gpt2"],
  ["/cache/models--a--b/blobs", "blobs"],
  ["/models/snapshots/today", "today"],
  ["/models--a/snapshots", "snapshots"],
  ["/", "model"],
])("names %s %s", (directory, name) => {
  expect(modelNameOf(directory)).toBe(name);
});
