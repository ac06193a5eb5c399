import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedModelDirectory } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { EngineSettings } from "../../../src/config/config.ts";
import { formatConfig } from "../../../src/config/resolve/format-config.ts";
import {
  resolveConfig,
  type PartialConfig,
  type ResolveConfigOptions,
} from "../../../src/config/resolve/resolve-config.ts";
import { executorsOfSettings, usesSetting } from "../../../src/config/executor-settings.ts";
import { variableOf } from "../../../src/config/setting.ts";
import { modelEntrySettings, settings } from "../../../src/config/settings.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "infernode-models-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Options = Omit<ResolveConfigOptions, "directory">;

async function writeConfig(content: unknown): Promise<string> {
  const folder = await mkdtemp(join(root, "f-"));
  const text = typeof content === "string" ? content : stringify(content);
  await writeFile(join(folder, "infernode.config.yaml"), text);
  return folder;
}

async function resolveWith(content: unknown, options: Options = {}) {
  return resolveConfig({ directory: await writeConfig(content), ...options });
}

const two = {
  models: {
    stories: {
      path: "embedded",
      aliases: ["small", "gpt-4o-mini"],
      engine: { threads: 1, contextTokens: 1024 },
    },
    "Qwen/Qwen3": { path: "./qwen", chatTemplate: "x.jinja" },
  },
  engine: { threads: 3, maxQueuedRequests: 7 },
};

describe("the map of models", () => {
  test("gives each model its id, aliases and paths, which count from the file", async () => {
    const directory = await writeConfig(two);
    const { config } = await resolveConfig({ directory });
    expect(config.models).toMatchObject([
      { id: "stories", aliases: ["small", "gpt-4o-mini"], directory: embeddedModelDirectory() },
      {
        id: "Qwen/Qwen3",
        aliases: [],
        directory: join(directory, "qwen"),
        chatTemplate: join(directory, "x.jinja"),
      },
    ]);
    expect(config.models[0]?.chatTemplate).toBeUndefined();
  });

  test("gives a model what its entry sets, else the section engine, else the default", async () => {
    const { config } = await resolveWith(two);
    expect(config.models.map(({ engine }) => engine)).toMatchObject([
      { threads: 1, contextTokens: 1024, maxQueuedRequests: 7, maxRestarts: 5 },
      { threads: 3, contextTokens: undefined, maxQueuedRequests: 7, maxRestarts: 5 },
    ]);
    expect(config.engine.threads).toBe(3);
  });

  test("lets flags and variables win over the entries of the file", async () => {
    const { config, origins } = await resolveWith(two, {
      flags: { threads: "2" },
      environment: { INFERNODE_ENGINE__CONTEXT_TOKENS: "512" },
    });
    expect(config.models.map(({ engine }) => [engine.threads, engine.contextTokens])).toEqual([
      [2, 512],
      [2, 512],
    ]);
    expect(origins["models.stories.engine.threads"]).toEqual({ source: "flag", name: "--threads" });
  });

  test("keeps a model's own memory limit beside that of all models together", async () => {
    const models = { a: { path: "a", engine: { memoryLimitBytes: "1GiB" } }, b: { path: "b" } };
    const { config } = await resolveWith({ models }, { flags: { "memory-limit": "3GiB" } });
    expect(config.engine.memoryLimitBytes).toBe(3 * 2 ** 30);
    expect(config.models.map(({ engine }) => engine.memoryLimitBytes)).toEqual([2 ** 30, 3 * 2 ** 30]);
  });

  test("takes every setting of the sections model and engine but the name, and no other", () => {
    const places = settings.map(({ path }) => path).filter((path) => /^(model|engine)\./.test(path));
    expect([...modelEntrySettings.values()].map(({ path }) => path)).toEqual(
      places.filter((path) => path !== "model.name"),
    );
    const keys = [...modelEntrySettings.keys()];
    expect(keys.filter((key) => !key.startsWith("engine."))).toEqual([
      "path",
      "aliases",
      "chatTemplate",
      "toolParser",
      "reasoningParser",
      "adapters",
    ]);
  });

  const engineKeys = [...modelEntrySettings.keys()].filter((key) => key.startsWith("engine."));
  test("refuses models that would take more than all of a GPU", async () => {
    const onGpu = (device: string, gpuMemoryUtilization: number) => ({
      path: "a",
      engine: { executor: "cuda", device, gpuMemoryUtilization },
    });
    await resolveWith({ models: { a: onGpu("0", 0.5), b: onGpu("0", 0.5), c: onGpu("1", 0.9) } });
    await expect(resolveWith({ models: { a: onGpu("0", 0.5), b: onGpu("0", 0.6) } })).rejects.toThrow(
      "engine.gpuMemoryUtilization: expected shares of the GPU 0 that are at most 1 together, got 0.5 + 0.6 for a, b; " +
        "set it for each",
    );
  });

  describe("settings that not every executor uses", () => {
    const values = {
      threads: 3,
      device: "1",
      gpuMemoryUtilization: 0.5,
      productLibraryPath: "/x/libcublasLt.so.13",
      runsAhead: false,
      speculationMaxSequences: 3,
    } as const;
    /** What a setting needs beside it. */
    const beside = (name: string): Partial<EngineSettings> =>
      name === "productLibraryPath" ? { productLibrary: "cublasLt" } : {};
    const names = Object.keys(values) as (keyof typeof values)[];
    const executors = ["onnx", "tfjs", "cuda"] as const;
    const pairs = names.flatMap((name) => executors.map((executor) => [name, executor] as const));

    test("are all in the table", () => {
      expect(names.toSorted()).toEqual(Object.keys(executorsOfSettings).toSorted());
    });

    test.each(pairs)("%s is taken by %s, or refused, wherever it is set", async (name, executor) => {
      const value = values[name];
      const { flag } = modelEntrySettings.get(`engine.${name}`)!;
      const named = { executor, ...beside(name) } as const;
      // Of one GPU.
      const half = { ...named, ...(executor === "cuda" && { gpuMemoryUtilization: 0.5 }) };
      const elsewhere = [
        [{ engine: named }, { flags: { [flag]: String(value) } }, `--${flag} ${value}`],
        [
          { engine: named },
          { environment: { [variableOf(`engine.${name}`)]: String(value) } },
          `${variableOf(`engine.${name}`)}="${value}"`,
        ],
        [{ engine: { ...named, [name]: value } }, {}, `engine.${name} in `],
        [{}, { overrides: { engine: { ...named, [name]: value } } }, `engine.${name}`],
        [
          { models: { a: { path: "a", engine: { ...named, [name]: value } } } },
          {},
          `models.a.engine.${name} in `,
        ],
        // All models that get it are named.
        [
          { models: { a: { path: "a", engine: half }, b: { path: "b", engine: half } } },
          { flags: { [flag]: String(value) } },
          `--${flag} ${value}`,
        ],
      ] as const;
      for (const [content, options, where] of elsewhere) {
        const resolved = resolveWith(content, options);
        if (usesSetting(executor, name)) {
          expect((await resolved).config.models[0]?.engine[name]).toBe(value);
          continue;
        }
        const error: unknown = await resolved.catch((cause: unknown) => cause);
        expect(error).toMatchObject({ code: "INVALID_CONFIG" });
        expect(String(error)).toContain(where);
        const users = executorsOfSettings[name]?.join(", ");
        expect(String(error)).toMatch(
          new RegExp(`: expected none with the executor ${executor}, as the setting is for ${users}, got `),
        );
        expect(String(error).match(/expected none/g)).toHaveLength(1);
      }
    });

    test.each(pairs.filter(([name, executor]) => !usesSetting(executor, name)))(
      "%s is taken with %s where another model uses it, or may use it",
      async (name, executor) => {
        const a = { path: "a", engine: { executor } };
        for (const other of [...executorsOfSettings[name]!, "auto"]) {
          const models = { a, b: { path: "b", engine: { executor: other } } };
          const engine = { ...beside(name), [name]: values[name] };
          const { config } = await resolveWith({ models, engine });
          expect(config.models[1]?.engine[name]).toBe(values[name]);
        }
      },
    );

    test("are refused with a runtime that an executor is named by, and taken with auto", async () => {
      await expect(resolveWith({}, { flags: { runtime: "wasm", device: "1" } })).rejects.toThrow(
        "--device 1: expected none with the executor tfjs, as the setting is for cuda, got",
      );
      const { config } = await resolveWith({}, { flags: { device: "1", threads: "3" } });
      expect(config.models[0]?.engine).toMatchObject({ device: "1", threads: 3 });
    });

    test("are refused with their default where it is asked for, and taken where a configuration is written out", async () => {
      await expect(resolveWith({ engine: { executor: "onnx" } }, { flags: { device: "0" } })).rejects.toThrow(
        "--device 0: expected none with the executor onnx",
      );
      const resolved = await resolveWith({ engine: { executor: "onnx", threads: 2 } });
      const again = await resolveWith(await formatConfig(resolved));
      expect(again.config).toEqual(resolved.config);
    });
  });

  test("refuses the file of a library for a model that does not compute with it, wherever it is set", async () => {
    const path = "/x/libcublasLt.so.13";
    const flags = { "product-library-path": path };
    const environment = { [variableOf("engine.productLibraryPath")]: path };
    const engine = { productLibraryPath: path };
    const none = { ...engine, productLibrary: "none" } as const;
    const entry = (settings: object) => ({ models: { a: { path: "a", engine: settings } } });
    const shared = { models: { a: { path: "a", engine: { productLibrary: "cublasLt" } }, b: { path: "b" } } };
    const refused = [
      [{}, { flags }, `--product-library-path ${path}`, ""],
      [
        {},
        { flags: { ...flags, "product-library": "none", executor: "cuda" } },
        "--product-library-path",
        "",
      ],
      [{}, { environment }, `${variableOf("engine.productLibraryPath")}="${path}"`, ""],
      [{ engine }, {}, "engine.productLibraryPath in ", ""],
      [{ engine: none }, {}, "engine.productLibraryPath in ", ""],
      [{}, { overrides: { engine: none } }, "engine.productLibraryPath", ""],
      [entry(engine), {}, "models.a.engine.productLibraryPath in ", "models.a."],
      [{ ...shared, engine }, {}, "engine.productLibraryPath in ", "models.b."],
    ] as const;
    for (const [content, options, where, prefix] of refused) {
      const error: unknown = await resolveWith(content, options).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "INVALID_CONFIG" });
      expect(String(error)).toContain(`invalid configuration: ${where}`);
      const expected = `: expected ${prefix}engine.productLibrary "cublasLt" with it, got "none"`;
      expect(String(error).endsWith(expected)).toBe(true);
    }
    const { config } = await resolveWith({ engine: { productLibrary: "cublasLt" } }, { flags });
    expect(config.models[0]?.engine).toMatchObject({ productLibrary: "cublasLt", productLibraryPath: path });
  });

  test.each(engineKeys)("sets %s of one model alone", async (path) => {
    const key = path.replace("engine.", "");
    const { kind, default: value } = modelEntrySettings.get(path)!;
    const samples = [
      "/cache",
      "ffi",
      "tfjs",
      "int8",
      "16-bit",
      "cublasLt",
      "ngram",
      "GPU-1",
      5,
      2_000_000_000,
      1000,
      0.5,
      true,
      false,
    ];
    const sample = samples.find((each) => each !== value && kind.schema.safeParse(each).success);
    const others = key === "productLibraryPath" ? { productLibrary: "cublasLt" } : {};
    const models = {
      a: { path: "a", engine: { ...others, [key]: sample, maxTokensPerStep: 5000 } },
      b: { path: "b" },
    };
    if (key === "maxTokensPerStep") models.a.engine = { maxTokensPerStep: sample as number };
    const { config } = await resolveWith({ models });
    const [own, other] = config.models.map(({ engine }) => ({ ...engine })[key as keyof EngineSettings]);
    expect(own).toBe(sample);
    expect(other).toBe(config.engine[key as keyof EngineSettings]);
    expect(other).not.toBe(sample);
  });

  test("is typed and checked in a program's overrides, which win over the file", async () => {
    const { config, origins } = await resolveWith(two, {
      overrides: { models: { a: { path: "/models/a", engine: { maxSequences: 2 } } } },
      flags: { "max-sequences": "3" },
    });
    expect(config.models).toMatchObject([{ id: "a", directory: "/models/a", engine: { maxSequences: 2 } }]);
    expect(origins["models.a.path"]?.source).toBe("program");
    const wrong: PartialConfig = {
      // @ts-expect-error A number of threads is a number.
      models: { a: { path: "/a", engine: { threads: "2" } } },
    };
    await expect(resolveWith({}, { overrides: wrong })).rejects.toThrow(
      'models.a.engine.threads: expected an integer from 1 to 1024, got "2"',
    );
  });

  test("says for every value of every model where it came from", async () => {
    const { origins, file } = await resolveWith(two);
    for (const id of Object.keys(two.models)) {
      for (const key of modelEntrySettings.keys()) expect(origins).toHaveProperty([`models.${id}.${key}`]);
    }
    expect(origins["models.stories.engine.threads"]).toEqual({ source: "file", name: file });
    expect(origins["models.stories.engine.maxRestarts"]).toEqual({ source: "default", name: undefined });
    expect(origins).not.toHaveProperty(["model.path"]);
  });

  test("is frozen", async () => {
    const { config } = await resolveWith(two);
    const [model] = config.models;
    for (const part of [config.models, model, model?.aliases, model?.engine]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe("the flag --model", () => {
  const modelsOf = async (flags: readonly string[], content: unknown = {}, others: Options = {}) => {
    const resolved = await resolveConfig({
      directory: await writeConfig(content),
      ...others,
      flags: { ...others.flags, model: flags },
    });
    return resolved.config.models.map(({ id, directory }) => [id, directory.replace(/.*\/f-\w+\//, "")]);
  };

  test("serves several, by the names of their directories or by id=directory", async () => {
    expect(await modelsOf(["./a", "my/id=./b", "x=embedded"])).toEqual([
      ["a", "a"],
      ["my/id", "b"],
      ["x", embeddedModelDirectory()],
    ]);
    expect(await modelsOf(["x=./b"])).toEqual([["x", "b"]]);
  });

  test.each([
    ["./a=b", "a=b", "a=b"],
    ["../a=b", "a=b", undefined],
    ["/models/a=b", "a=b", "/models/a=b"],
    ["a=b=c", "a", "b=c"],
  ])("takes %s as %s", async (text, id, directory) => {
    const [model] = await modelsOf([text]);
    expect(model?.[0]).toBe(id);
    if (directory !== undefined) expect(model?.[1]).toBe(directory);
  });

  test("a variable stays one directory, equals sign or not", async () => {
    const { config } = await resolveWith({}, { environment: { INFERNODE_MODEL: "a=b" } });
    expect(config.models.map(({ id }) => id)).toEqual(["a=b"]);
  });

  test("wins over the models of the file", async () => {
    expect(await modelsOf(["./other"], two)).toEqual([["other", "other"]]);
    expect(await modelsOf(["./a", "./b"], { model: { path: "c", name: "n" } })).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
    const { config } = await resolveWith(two, { environment: { INFERNODE_MODEL: "./other" } });
    expect(config.models.map(({ id }) => id)).toEqual(["other"]);
  });

  test("chooses a model of the file by its id, with its settings", async () => {
    expect(await modelsOf(["Qwen/Qwen3"], two)).toEqual([["Qwen/Qwen3", "qwen"]]);
    expect(await modelsOf(["Qwen/Qwen3", "./b"], two)).toEqual([
      ["Qwen/Qwen3", "qwen"],
      ["b", "b"],
    ]);
    expect(await modelsOf(["./stories"], two)).toEqual([["stories", "stories"]]);
    const { config } = await resolveWith(two, { flags: { model: "stories", "max-queued-requests": "1" } });
    expect(config.models).toMatchObject([
      { aliases: two.models.stories.aliases, engine: { threads: 1, maxQueuedRequests: 1 } },
    ]);
  });

  test("lets the flags of one model apply where there is one", async () => {
    const flags = { "model-name": "n", "model-aliases": "m,o", "chat-template": "/t.jinja" };
    const expected = [{ id: "n", aliases: ["m", "o"], chatTemplate: "/t.jinja" }];
    for (const model of ["./a", "Qwen/Qwen3"]) {
      expect((await resolveWith(two, { flags: { ...flags, model } })).config.models).toMatchObject(expected);
    }
    const { stories } = two.models;
    expect((await resolveWith({ models: { stories } }, { flags })).config.models).toMatchObject(expected);
  });
});

describe("errors", () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`m${index}`, { path: "a" }]));
  const files: readonly (readonly [string, unknown, string])[] = [
    [
      "no models",
      { models: {} },
      "models in FILE: expected an object with 1 to 64 models by id, got 0 entries",
    ],
    [
      "models that are null",
      "models:\n",
      "models in FILE: expected an object with 1 to 64 models by id, got null",
    ],
    ["models in a list", { models: ["a"] }, "got an array of 1 element"],
    ["too many models", { models: many }, "got 65 entries"],
    [
      "model and models",
      { ...two, model: { name: "x" } },
      "model.name in FILE: expected either model or models, got both",
    ],
    [
      "an entry that is a text",
      { models: { a: "./a" } },
      'models.a in FILE: expected an object such as { path: ./directory }, got "./a"',
    ],
    [
      "an entry without a path",
      { models: { a: null } },
      "models.a.path in FILE: expected a directory, or embedded, got nothing",
    ],
    [
      "an unknown key",
      { models: { a: { path: "a", alias: [] } } },
      "unknown key models.a.alias in FILE; did you mean models.a.aliases?",
    ],
    [
      "an unknown key of an engine",
      { models: { a: { path: "a", engine: { thread: 1 } } } },
      "unknown key models.a.engine.thread in FILE; did you mean models.a.engine.threads?",
    ],
    ["a name in an entry", { models: { a: { path: "a", name: "b" } } }, "unknown key models.a.name in FILE"],
    [
      "an engine that is a number",
      { models: { a: { path: "a", engine: 3 } } },
      "models.a.engine in FILE: expected an object, got 3",
    ],
    [
      "a value of the wrong kind",
      { models: { a: { path: "a", engine: { threads: "2" } } } },
      'models.a.engine.threads in FILE: expected an integer from 1 to 1024, got "2"',
    ],
    [
      "an empty id",
      { models: { "": { path: "a" } } },
      'a key of models in FILE: expected a name of 1 to 256 characters, without control characters and outer spaces, got ""',
    ],
    ["an id with a control character", { models: { "a\nb": { path: "a" } } }, String.raw`got "a\nb"`],
    ["a long id", { models: { ["x".repeat(257)]: { path: "a" } } }, `got "${"x".repeat(40)}…"`],
    [
      "an alias that is another model's id",
      { models: { a: { path: "a" }, b: { path: "b", aliases: ["a"] } } },
      'models.b in FILE: expected names that no other model has, got "a", which models.a in FILE has as well',
    ],
    [
      "an alias of two models",
      { models: { a: { path: "a", aliases: ["x"] }, b: { path: "b", aliases: ["x"] } } },
      'got "x", which models.a in FILE has as well',
    ],
    [
      "an alias twice",
      { models: { a: { path: "a", aliases: ["x", "x"] } } },
      'models.a in FILE: expected names that no other model has, got "x", which it has twice',
    ],
    [
      "an alias that is no name",
      { models: { a: { path: "a", aliases: [""] } } },
      "models.a.aliases in FILE: expected a list of at most 64 names",
    ],
    [
      "fewer tokens in a step than sequences",
      { models: { a: { path: "a", engine: { maxSequences: 300 } } } },
      "models.a.engine.maxTokensPerStep: expected at least models.a.engine.maxSequences (300), got 256",
    ],
    [
      "an alias of the one model that is its name",
      { model: { path: "a", aliases: ["a"] } },
      'model: expected names that no other model has, got "a", which it has twice',
    ],
  ];
  test.each(files)("names %s", async (_, content, message) => {
    const directory = await writeConfig(content);
    const error = await resolveConfig({ directory }).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "INVALID_CONFIG" });
    expect(String(error).replaceAll(join(directory, "infernode.config.yaml"), "FILE")).toContain(message);
  });

  const flagCases: readonly (readonly [string, Options, string])[] = [
    [
      "--model-name beside several",
      { flags: { model: ["./a", "./b"], "model-name": "x" } },
      "--model-name x: expected one model, got 2; write --model <id>=<directory>, or",
    ],
    [
      "--chat-template beside several",
      { flags: { model: ["./a", "./b"], "chat-template": "x" } },
      "--chat-template x: expected one model, got 2; set chatTemplate of each in models of a configuration file",
    ],
    [
      "a name beside the file's models",
      { environment: { INFERNODE_MODEL_NAME: "x" } },
      'INFERNODE_MODEL_NAME="x": expected one model, got 2',
    ],
    [
      "two names of one model",
      { flags: { model: "a=./x", "model-name": "b" } },
      "--model-name b: expected one id, got another in --model a=./x",
    ],
    [
      "two directories of one name",
      { flags: { model: ["./a/x", "./b/x"] } },
      '--model ./b/x: expected names that no other model has, got "x", which --model ./a/x has as well; write --model <id>=<directory>',
    ],
    [
      "an id twice",
      { flags: { model: ["a=./x", "a=./y"] } },
      '--model a=./y: expected names that no other model has, got "a", which --model a=./x has as well',
    ],
    ["an empty id", { flags: { model: "=./x" } }, "--model =./x: expected a name of 1 to 256 characters"],
    [
      "an empty directory",
      { flags: { model: "a=" } },
      '--model a=: expected a directory, or embedded, got ""',
    ],
    [
      "too many",
      { flags: { model: Array.from({ length: 65 }, (_, index) => `./m${index}`) } },
      "--model: expected at most 64 models, got 65",
    ],
    [
      "models that are wrong in the section engine once",
      { flags: { threads: "0" } },
      "invalid configuration: --threads 0: expected an integer",
    ],
  ];
  test.each(flagCases)("names %s", async (_, options, message) => {
    await expect(resolveWith(two, options)).rejects.toThrow(message);
  });
});

describe("printing", () => {
  const cases: readonly (readonly [string, unknown, Options])[] = [
    ["a file of two models", two, {}],
    ["models of flags", {}, { flags: { model: ["embedded", "a: b #=./c"], "model-aliases": [] } }],
    ["one model of the map", two, { flags: { model: "stories", threads: "2" } }],
    ["the section model", { model: { path: "x", aliases: ["y"], name: "7" } }, {}],
  ];
  test.each(cases)("%s reads back as the same configuration", async (_, content, options) => {
    const resolved = await resolveWith(content, options);
    const again = await resolveWith(await formatConfig(resolved));
    expect(again.config).toEqual(resolved.config);
  });

  test("shows the origin of every value of every model", async () => {
    const resolved = await resolveWith(two, { flags: { "max-sequences": "2" } });
    const [ofModels = ""] = (await formatConfig(resolved))
      .split(/^models:.*\n/m)
      .slice(1)
      .join("")
      .split(/^engine:/m);
    expect(ofModels.match(/# --max-sequences$/gm)).toHaveLength(2);
    const lines = ofModels.split("\n").filter((line) => line.includes(" # "));
    expect(lines).toHaveLength(2 * modelEntrySettings.size);
    const origin = / # (default|--max-sequences|\/.*yaml)(: decided at start)?$/;
    for (const line of lines) expect(line).toMatch(origin);
  });
});
