import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Architecture } from "../network/decoder-builder.ts";
import type { FusedWeight } from "../network/split-fused-weights.ts";
import type { FamilyRules } from "./family-rules.ts";

/** A family of models: all that is particular to it. `name` is its `model_type` in `config.json`. */
export interface Family extends Architecture {
  /** The class in `architectures`. */
  readonly architecture: string;
  /** Fields of its config class that published configs leave out, and the rules do not state. */
  readonly fieldDefaults?: Readonly<Record<string, unknown>>;
  /** How its config is read. */
  readonly rules: FamilyRules;
  /** What else follows from the fields of its config, in place of what the rules say. */
  readonly resolve?: (fields: ConfigFields, config: ModelConfig) => Partial<ModelConfig>;
  /** Matrices that hold several of the network's, one below the other. */
  readonly fusedWeights?: (config: ModelConfig) => readonly FusedWeight[];
  /** How Hugging Face's files store the network's weights, where that is in another way. */
  readonly tensors?: StoredTensors;
  /** How llama.cpp stores it; `undefined` where it does not, or under another family's name. */
  readonly gguf?: GgufFamily;
}

/** A family in Hugging Face's files, as far as it differs from the names of `decoder-weights.ts`. */
export interface StoredTensors {
  /** Before all names but those of the head, such as `transformer`. Files of the network without its head lack it. */
  readonly prefix: string;
  /** Before the index of a layer. */
  readonly layers: string;
  /** The file's names outside of layers to the network's, behind the prefixes of both. */
  readonly globalNames: Readonly<Record<string, string>>;
  /** The file's name of the head, which has no prefix. [`lm_head`] */
  readonly head?: string;
  /** The file's names in a layer to the network's. */
  readonly layerNames: Readonly<Record<string, string>>;
  /** The names, in a layer, of matrices that are stored as `(in, out)`. */
  readonly transposed?: ReadonlySet<string>;
  /** The names, in a layer, of tensors that are no weights. */
  readonly ignored?: ReadonlySet<string>;
}

/** Reads a value of a GGUF file's metadata by its key behind the name of the architecture. */
export type GgufField = (key: string) => unknown;

/** A family in GGUF files, as far as it differs from Llama. */
export interface GgufFamily {
  /** `general.architecture` */
  readonly architecture: string;
  /** Whether it is the family of this architecture whose files have experts. */
  readonly hasExperts?: boolean;
  /**
   * GGUF's names of a layer's tensors, to the network's. Beside the common ones, and in place of them. An asterisk is the
   * index of an expert, where a tensor has the matrices of all. A name with `.weight` or `.bias` is a whole one.
   */
  readonly layerTensors?: Readonly<Record<string, string>>;
  /** Keys by fields of `config.json`. */
  readonly fieldKeys?: Readonly<Record<string, string>>;
  /** Keys by fields of `rope_scaling`, beside those of all families. */
  readonly scalingKeys?: Readonly<Record<string, string>>;
  /** Fields of `config.json` that follow from others, or that llama.cpp knows without the file; those of tensors follow from which are stored. */
  readonly fields?: (
    field: GgufField,
    hasTensor: (name: string) => boolean,
  ) => Readonly<Record<string, unknown>>;
  /** What the converter changed in the weights. */
  readonly resolve?: (config: ModelConfig) => Partial<ModelConfig>;
}
