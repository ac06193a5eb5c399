import { mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openWeightIndex } from "../../../src/index.ts";
import { checkpointDirectory } from "../../support/fixtures.ts";
import { createMemoryFiles } from "../../support/memory-files.ts";
import { expectModelError } from "../../support/model-error.ts";
import { rawSafetensors, writeSafetensors, zeros } from "../../support/safetensors.ts";

const indexPath = "/m/model.safetensors.index.json";
const indexOf = (weightMap: object): string =>
  JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap });

describe("openWeightIndex with shards", () => {
  it("combines the tensors of all shards", async () => {
    const index = await openWeightIndex(checkpointDirectory("llama-sharded"));
    const files = new Set([...index.tensors.values()].map((tensor) => tensor.filePath));
    expect(files.size).toBe(3);
    expect(index.parameterCount).toBe(124_352);
    const norm = await index.read("model.norm.weight");
    expect(norm.byteLength).toBe(128);
    await index.close();
  });

  const paths = [
    "../b.safetensors",
    "/etc/a.safetensors",
    "a/../../b.safetensors",
    "a/../b.safetensors",
    "./a.safetensors",
    "a//b.safetensors",
    "C:a.safetensors",
    "..\\b.safetensors",
    "a.bin",
    "",
    "..",
  ];
  it.each(paths)("refuses the shard name %j", async (name) => {
    const files = createMemoryFiles({ [indexPath]: indexOf({ a: name }) });
    const error = await expectModelError("INVALID_WEIGHT_INDEX", async () =>
      openWeightIndex("/m", { files }),
    );
    expect(error.message).toContain(JSON.stringify(name));
    expect(error.tensor).toBe("a");
  });

  it("reads shards in a folder that the index names", async () => {
    const norm = writeSafetensors({ a: zeros("F32", [1]) });
    const files = createMemoryFiles({
      [indexPath]: indexOf({ a: "parts/1/a.safetensors" }),
      "/m/parts/1/a.safetensors": norm,
    });
    const index = await openWeightIndex("/m", { files });
    expect(index.tensors.get("a")?.filePath).toBe("/m/parts/1/a.safetensors");
    await index.close();
  });

  const indexes = [
    "",
    "[]",
    "{}",
    '{"weight_map":{}}',
    '{"weight_map":[]}',
    '{"weight_map":{"a":1}}',
    '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}',
    `{"metadata":${"[".repeat(100_000)}`,
  ];
  it.each(indexes.map((text) => [text.slice(0, 50), text] as const))(
    "refuses the index %s",
    async (_, text) => {
      const files = createMemoryFiles({ [indexPath]: text });
      const error = await expectModelError("INVALID_WEIGHT_INDEX", async () =>
        openWeightIndex("/m", { files }),
      );
      expect(error.file).toBe(indexPath);
    },
  );

  it("names a shard that is missing", async () => {
    const files = createMemoryFiles({
      [indexPath]: indexOf({ a: "1.safetensors", b: "2.safetensors" }),
      "/m/1.safetensors": writeSafetensors({ a: zeros("F32", [1]) }),
    });
    const error = await expectModelError("SHARD_MISSING", async () => openWeightIndex("/m", { files }));
    expect(error.file).toBe("/m/2.safetensors");
    expect(files.openCount()).toBe(0);
  });

  it("names a tensor that its shard lacks", async () => {
    const files = createMemoryFiles({
      [indexPath]: indexOf({ a: "1.safetensors", b: "2.safetensors" }),
      "/m/1.safetensors": writeSafetensors({ a: zeros("F32", [1]), b: zeros("F32", [1]) }),
      "/m/2.safetensors": writeSafetensors({ c: zeros("F32", [1]) }),
    });
    const error = await expectModelError("TENSOR_MISSING", async () => openWeightIndex("/m", { files }));
    expect(error.tensor).toBe("b");
    expect(error.message).toContain("got it in /m/1.safetensors");
  });

  it("names a tensor that two shards have", async () => {
    const files = createMemoryFiles({
      [indexPath]: indexOf({ a: "1.safetensors", b: "2.safetensors" }),
      "/m/1.safetensors": writeSafetensors({ a: zeros("F32", [1]) }),
      "/m/2.safetensors": writeSafetensors({ a: zeros("F32", [1]), b: zeros("F32", [1]) }),
    });
    const error = await expectModelError("TENSOR_DUPLICATED", async () => openWeightIndex("/m", { files }));
    expect(error.message).toContain("/m/1.safetensors");
    expect(error.message).toContain("/m/2.safetensors");
  });

  it("stops when the signal is aborted and closes what it opened", async () => {
    const files = createMemoryFiles({ "/m/model.safetensors": writeSafetensors({ a: zeros("F32", [1]) }) });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(openWeightIndex("/m", { files, signal })).rejects.toThrow("enough");
    expect(files.openCount()).toBe(0);
  });
});

describe("openWeightIndex without safetensors", () => {
  const foreign = [
    ["pytorch_model.bin", "safe_serialization"],
    ["pytorch_model.bin.index.json", "safe_serialization"],
    ["model-q4_0.gguf", "GGUF"],
    ["consolidated.00.pth", "pickle"],
    ["consolidated.safetensors", "Hugging Face form"],
    ["adapter_model.safetensors", "LoRA"],
    ["model.onnx", "ONNX"],
    ["tf_model.h5", "TensorFlow"],
  ] as const;
  it.each(foreign)("says what to do about %s", async (name, mention) => {
    const files = createMemoryFiles({ [`/m/${name}`]: "x", "/m/config.json": "{}" });
    const error = await expectModelError("UNSUPPORTED_FORMAT", async () => openWeightIndex("/m", { files }));
    expect(error.message).toContain(mention);
    expect(error.message).toContain(name);
  });

  it("lists the files that are there instead", async () => {
    const files = createMemoryFiles({ "/m/config.json": "{}", "/m/notes.txt": "" });
    const error = await expectModelError("FILE_MISSING", async () => openWeightIndex("/m", { files }));
    expect(error.message).toContain("config.json, notes.txt");
  });
});

describe("openWeightIndex on a file system", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "infernode-models-"));
  });
  afterEach(async () => rm(directory, { recursive: true }));

  it.skipIf(process.platform === "win32")(
    "reads beyond 4 GiB (on Windows the file would take its size)",
    async () => {
      const dataBytes = 4.5 * 2 ** 30;
      const header = JSON.stringify({
        first: { dtype: "U8", shape: [dataBytes - 4], data_offsets: [0, dataBytes - 4] },
        last: { dtype: "F32", shape: [1], data_offsets: [dataBytes - 4, dataBytes] },
      });
      const head = rawSafetensors(header);
      const file = await open(join(directory, "model.safetensors"), "w");
      await file.write(head, 0, head.length, 0);
      await file.write(Uint8Array.of(1, 2, 3, 4), 0, 4, head.length + dataBytes - 4);
      await file.close();
      const index = await openWeightIndex(directory);
      expect([...(await index.read("last"))]).toEqual([1, 2, 3, 4]);
      await index.close();
    },
  );

  it.skipIf(process.platform === "win32")(
    "follows symbolic links (Windows wants a privilege for them)",
    async () => {
      const blob = join(directory, "blob");
      await writeFile(blob, writeSafetensors({ a: { dtype: "U8", shape: [2], data: Uint8Array.of(8, 9) } }));
      await symlink(blob, join(directory, "model.safetensors"));
      const index = await openWeightIndex(directory);
      expect([...(await index.read("a"))]).toEqual([8, 9]);
      await index.close();
    },
  );

  it("reports a file that was truncated after it was opened", async () => {
    const path = join(directory, "model.safetensors");
    await writeFile(path, writeSafetensors({ a: zeros("F32", [8]) }));
    const index = await openWeightIndex(directory);
    const file = await open(path, "r+");
    await file.truncate((index.tensors.get("a")?.startByte ?? 0) + 5);
    await file.close();
    const error = await expectModelError("FILE_UNREADABLE", async () => index.read("a"));
    expect(error.message).toContain("got 5; the file became shorter");
    await index.close();
  });
});
