import type { GgufField } from "./family.ts";

/** Which layers have windows: a file says it of each, or which each one of a number has none; or nothing. */
export function ggufLayerTypes(field: GgufField): Readonly<Record<string, unknown>> {
  const pattern = field("attention.sliding_window_pattern");
  if (pattern === undefined) return {};
  if (!Array.isArray(pattern)) return { sliding_window_pattern: pattern };
  return {
    layer_types: pattern.map((slides) => (slides === true ? "sliding_attention" : "full_attention")),
  };
}
