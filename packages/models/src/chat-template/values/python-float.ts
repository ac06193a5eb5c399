/** A number that is a `float` in Python, such as `1.0`. */
export class PythonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Writes a float as Python's `repr` does: `2.0`, `1e+16`, `1.5e-07`, `inf`. */
export function floatText(number: number): string {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
  if (number === 0) return Object.is(number, -0) ? "-0.0" : "0.0";
  // Both write the shortest digits that round-trip; they differ in when they use an exponent.
  const [digits = "", exponent = "0"] = number.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 16) {
    return plainText(number, digits, power);
  }
  const sign = power < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** Without an exponent. */
function plainText(number: number, digits: string, power: number): string {
  const sign = number < 0 ? "-" : "";
  const all = digits.replace("-", "").replace(".", "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${all}`;
  const whole = all.slice(0, power + 1).padEnd(power + 1, "0");
  return `${sign}${whole}.${all.slice(power + 1) || "0"}`;
}

/** Writes a float as Python's `json.dumps` does. */
export function floatJson(number: number): string {
  if (Number.isNaN(number)) return "NaN";
  return Number.isFinite(number) ? floatText(number) : number > 0 ? "Infinity" : "-Infinity";
}
