import { expect, test } from "vitest";
import { parsePeersOptions } from "../../peers/harness/options.ts";

test("all shapes of real models, measures and peers are the default", () => {
  const options = parsePeersOptions([]);
  if ("help" in options) throw new Error("expected options");
  expect(options.shapes.map(({ name }) => name)).toEqual(["tinyllama-1.1b", "qwen2.5-0.5b", "llama-3.2-1b"]);
  expect(options.peers.map(({ name }) => name)).toEqual([
    "node-llama-cpp",
    "transformers.js",
    "transformers.js-level4",
    "openvino",
  ]);
  expect([...options.measureNames]).toEqual([
    "decode@128",
    "decode@512",
    "prefill@512",
    "prefill@2048",
    "streams@8",
    "streams@16",
    "load",
    "memory",
    "first-load",
    "bandwidth",
  ]);
  expect(options).toMatchObject({ modes: ["int4"], rounds: 5, threads: 2 });
});

test("lists keep their order", () => {
  const args = [
    "--mode",
    "int8+kv8,gguf",
    "--shape",
    "tiny-tied,tiny",
    "--peer",
    "openvino",
    "--measure",
    "load",
  ];
  expect(parsePeersOptions(args)).toMatchObject({
    modes: ["int8+kv8", "gguf"],
    shapes: [{ name: "tiny-tied" }, { name: "tiny" }],
    peers: [{ name: "openvino" }],
    measureNames: new Set(["load"]),
  });
  expect(parsePeersOptions(["--gguf"])).toMatchObject({ modes: ["gguf"] });
});

test.each([
  [["--measure", "decode@64"], "--measure: expected some of decode@128, decode@512, .*, got 'decode@64'"],
  [["--shape", "tiny,huge"], "--shape: expected some of tinyllama-1.1b, .*, got 'huge'"],
  [
    ["--peer", "vllm"],
    "--peer: expected some of node-llama-cpp, transformers.js, transformers.js-level4, openvino, got 'vllm'",
  ],
  [["--peer", ""], "--peer: expected some of .*, got ''"],
  [["--mode", "int3"], "--mode: expected some of int8, .*, got 'int3'"],
  [["--rounds", "0"], "--rounds: expected an integer from 1 to 999, got '0'"],
  [["--threads", "two"], "--threads: expected an integer from 1 to 999, got 'two'"],
  [["--round", "1"], "Unknown option '--round'"],
])("%j is refused", (args, message) => {
  expect(() => parsePeersOptions(args)).toThrow(new RegExp(message));
});
