import type { ConfigFields } from "../../../config/config-fields.ts";
import { quoteValue } from "../../../errors.ts";
import { isJsonObject } from "../../../files/json-shape.ts";

const code = "UNSUPPORTED_QUANTIZATION";
const maxGroupSize = 2 ** 24;

/**
 * Reads one of the names that are supported; the first one where there is none.
 * @throws ModelError `UNSUPPORTED_QUANTIZATION`
 */
export function readName(config: ConfigFields, field: string, names: readonly string[]): string {
  const given = config.text(field) ?? names[0] ?? "";
  const name = names.find((each) => each === given.toLowerCase());
  if (name !== undefined) return name;
  const expected = names.map((each) => quoteValue(each)).join(" or ");
  throw config.invalid(field, expected, { code, got: quoteValue(given) });
}

/** Refuses a field that is not absent, null, false or empty. @throws ModelError `UNSUPPORTED_QUANTIZATION` */
export function assertAbsent(config: ConfigFields, field: string): void {
  const value = config.raw(field) ?? false;
  if (value === false || (isJsonObject(value) && Object.keys(value).length === 0)) return;
  throw config.invalid(field, "none", { code });
}

/** @throws ModelError `UNSUPPORTED_QUANTIZATION` */
export function readBits(config: ConfigFields, field: string, widths: readonly number[]): number {
  const bits = config.raw(field);
  if (typeof bits === "number" && widths.includes(bits)) return bits;
  const expected = widths.join(", ").replace(/, (?=\d+$)/, " or ");
  throw config.invalid(field, `${expected} bits`, { code });
}

/** Columns of a group; `undefined` for −1, where each row is one group. @throws ModelError `INVALID_CONFIG` */
export function readGroupSize(config: ConfigFields, field: string): number | undefined {
  if (config.raw(field) === -1) return undefined;
  return config.integer(field, { min: 1, max: maxGroupSize });
}
