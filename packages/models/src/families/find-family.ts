import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { ModelError, quoteValue } from "../errors.ts";
import type { Architecture } from "../network/decoder-builder.ts";
import type { Family } from "./family.ts";
import { families, supportedFamilies } from "./registry.ts";

/**
 * Finds the family by the config's `architectures`, or by `model_type` where that is absent.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE` with the supported ones
 */
export function findFamily(config: ConfigFields): Family {
  const architectures = config.raw("architectures");
  const named: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const family = families.find(({ name, architecture }) =>
    named === undefined ? name === config.raw("model_type") : architecture === named,
  );
  if (family !== undefined) return family;
  const [field, supported] =
    named === undefined
      ? ["model_type", supportedFamilies]
      : ["architectures", families.map(({ architecture }) => architecture)];
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
