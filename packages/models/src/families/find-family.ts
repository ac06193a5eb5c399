import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { ModelError, quoteValue } from "../errors.ts";
import type { Architecture } from "../network/decoder-builder.ts";
import type { Family } from "./family.ts";
import { families, supportedFamilies } from "./registry.ts";
import { isTextPart, readTextPart, textParts, textTensorName } from "./text-parts.ts";

/** The family of a config's network, and the fields that describe it. */
export interface FoundFamily {
  readonly family: Family;
  /** The class in `architectures`, or the family's own where the config names none. */
  readonly architecture: string;
  readonly fields: ConfigFields;
}

/**
 * Finds the family by the config's `architectures`, or by `model_type` where that is absent. Of a model that takes more
 * than text, it is the family of its part of text.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE` with the supported ones, `INVALID_CONFIG` for a part that has no config
 */
export function findFamily(config: ConfigFields): FoundFamily {
  const architectures = config.raw("architectures");
  const named: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const find = <T extends Pick<Family, "name" | "architecture">>(rows: readonly T[]): T | undefined =>
    rows.find(({ name, architecture }) =>
      named === undefined ? name === config.raw("model_type") : architecture === named,
    );
  const family = find(families);
  if (family !== undefined) return { family, architecture: family.architecture, fields: config };
  const part = find(textParts);
  if (part !== undefined) {
    const text = readTextPart(config, part);
    const { architecture } = part;
    return { family: familyOf(text), architecture, fields: text.fields };
  }
  const known = [...families, ...textParts];
  const [field, supported] =
    named === undefined
      ? ["model_type", known.map(({ name }) => name)]
      : ["architectures", known.map(({ architecture }) => architecture)];
  throw config.invalid(field, `one of ${supported.join(", ")}`, { code: "UNSUPPORTED_ARCHITECTURE" });
}

/** Returns the network of a config's family. @throws ModelError `UNSUPPORTED_ARCHITECTURE` */
export function architectureFor(config: Pick<ModelConfig, "family">): Architecture {
  return familyOf(config);
}

/** Returns a config's family. @throws ModelError `UNSUPPORTED_ARCHITECTURE` */
export function familyOf({ family: name }: Pick<ModelConfig, "family">): Family {
  const family = families.find((each) => each.name === name);
  if (family !== undefined) return family;
  const mismatch = { expected: `one of ${supportedFamilies.join(", ")}`, got: quoteValue(name) };
  throw new ModelError("UNSUPPORTED_ARCHITECTURE", mismatch, { field: "family" });
}

/** What a tensor of a config's checkpoint is called in its network; `undefined` for one of a part that is not served. */
export function tensorNaming({
  architecture,
}: Pick<ModelConfig, "architecture">): (stored: string) => string | undefined {
  return isTextPart({ architecture }) ? textTensorName : (stored) => stored;
}
