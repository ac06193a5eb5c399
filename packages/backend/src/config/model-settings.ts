import { reasoningFormats } from "../parsers/reasoning/registry.ts";
import { toolFormats } from "../parsers/tools/registry.ts";
import { choice, modelName, modelNames, namedPaths, text } from "./setting-kinds.ts";
import type { Setting } from "./setting.ts";

/** Those of a model. */
export const modelSettings: readonly Setting[] = [
  {
    path: "model.path",
    kind: text("a directory, or embedded", "<directory>"),
    default: "embedded",
    flag: "model",
    shortVariable: "INFERNODE_MODEL",
    description:
      "Hugging Face model directory or GGUF file, or embedded for the bundled model; repeat the flag to serve several models, " +
      "each with a name of its own as name=directory",
    isPath: true,
    isRepeatable: true,
  },
  {
    path: "model.name",
    kind: modelName(),
    default: undefined,
    flag: "model-name",
    shortVariable: "INFERNODE_MODEL_NAME",
    description: "name of the model in the API; by default the name of its directory",
  },
  {
    path: "model.aliases",
    kind: modelNames(),
    default: [],
    flag: "model-aliases",
    description: "other names that requests may call the model by, separated by commas",
  },
  {
    path: "model.chatTemplate",
    kind: text("a file", "<file>"),
    default: undefined,
    flag: "chat-template",
    description: "Jinja file that replaces the checkpoint's chat template",
    isPath: true,
  },
  {
    path: "model.toolParser",
    kind: choice(["auto", "none", ...toolFormats.map(({ name }) => name)]),
    default: "auto",
    flag: "tool-parser",
    description: "how the model writes calls of tools; auto: by its chat template",
  },
  {
    path: "model.reasoningParser",
    kind: choice(["auto", "none", ...reasoningFormats.map(({ name }) => name)]),
    default: "auto",
    flag: "reasoning-parser",
    description: "how the model writes reasoning; auto: by its chat template; none: reasoning is content",
  },
  {
    path: "model.adapters",
    kind: namedPaths(),
    default: {},
    flag: "lora",
    description: "LoRA adapters of peft, each a model of its own for requests; repeat the flag for several",
    isPath: true,
    isRepeatable: true,
  },
];
