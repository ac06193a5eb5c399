// Which folders of a package's `src` may import which. Documented in docs/architecture.md, held by check-imports.mjs.
//
// * Rooms stand in order, lower ones first; a room names what it may import, all of it above its own line. So
//   nothing imports upwards, and there are no circles.
// * A folder belongs to the longest name that it begins with: `network/decoders` to `network`.
// * `shared` are files directly in `src` that every room may import. The others there compose: they may import all
//   rooms, and no room may import them.
// A package without an entry is not checked yet.

/** @type {Record<string, { shared: string[], rooms: Record<string, string[]> }>} */
export const packageRooms = {
  models: {
    shared: ["errors.ts"],
    rooms: {
      files: [],
      config: ["files"],
      weights: ["files"],
      "weights/safetensors": ["files", "weights"],
      network: ["config", "weights"],
      tokenizer: ["files", "config"],
      "chat-template/values": ["files"],
      "chat-template/syntax": ["chat-template/values"],
      "chat-template/operations": ["chat-template/values", "chat-template/syntax"],
      "chat-template/library": ["chat-template/values", "chat-template/operations"],
      "chat-template/run": [
        "chat-template/values",
        "chat-template/syntax",
        "chat-template/operations",
        "chat-template/library",
      ],
      "chat-template": ["files", "chat-template/values", "chat-template/syntax", "chat-template/run"],
      formats: ["files", "config", "weights", "weights/safetensors", "tokenizer", "chat-template"],
    },
  },
  memory: {
    shared: ["allocator.ts", "assert-argument.ts", "device.ts", "errors.ts", "events.ts", "format-bytes.ts"],
    rooms: {
      devices: [],
      ledger: [],
      "sub-allocator": [],
      pool: ["devices", "ledger", "sub-allocator"],
      "cuda/driver": [],
      "cuda/nvml": ["devices", "cuda/driver"],
      cuda: ["devices", "sub-allocator", "pool", "cuda/driver", "cuda/nvml"],
      conformance: [],
    },
  },
  health: { shared: ["errors.ts", "options.ts"], rooms: { metrics: [] } },
  discovery: { shared: ["discovery-provider.ts"], rooms: { conformance: [] } },
  inference: {
    shared: ["errors.ts", "events.ts", "ports.ts"],
    rooms: {
      executors: [],
      kv: ["executors"],
      schedule: ["executors", "kv"],
      sampling: [],
      text: ["sampling"],
      requests: ["kv", "schedule", "sampling", "text"],
      engine: ["executors", "kv", "schedule", "sampling", "requests"],
      "executors/onnx/graph": ["executors"],
      "executors/onnx/runtime": ["executors", "executors/onnx/graph"],
      "executors/onnx": ["executors", "executors/onnx/graph", "executors/onnx/runtime"],
      conformance: ["executors", "kv"],
    },
  },
  backend: {
    shared: [
      "create-resolvers.ts",
      "errors.ts",
      "exit-codes.ts",
      "is-record.ts",
      "leave-missing-directory.ts",
      "package-version.ts",
      "worker-calls.ts",
    ],
    rooms: {
      text: [],
      config: ["text"],
      log: ["config"],
      metrics: [],
      operations: [],
      models: ["operations"],
      events: ["models"],
      "models/prompts": ["config", "operations", "models"],
      "models/engine": ["config", "operations", "models", "events", "models/prompts"],
      "models/local": ["config", "operations", "models", "events", "models/engine"],
      api: ["text", "operations", "models"],
      http: ["text", "metrics", "models", "api"],
      daemon: ["config", "log", "metrics", "models", "events", "models/engine", "models/local", "http"],
      commands: [
        "config",
        "log",
        "operations",
        "models",
        "events",
        "models/prompts",
        "models/engine",
        "models/local",
        "daemon",
      ],
    },
  },
};
