/** A number in decimal digits: `-?whole.fraction`, without needless zeros. */
export interface Decimal {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

/** The shortest digits that stand for a number, without an exponent. */
export function toDecimal(value: number): Decimal {
  const [mantissa = "0", exponent = "0"] = String(Math.abs(value)).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent);
  let digits = whole + fraction;
  let point = whole.length + shift;
  if (point <= 0) {
    digits = "0".repeat(1 - point) + digits;
    point = 1;
  }
  digits = digits.padEnd(point, "0");
  return {
    isNegative: value < 0,
    whole: digits.slice(0, point).replace(/^0+(?=\d)/, ""),
    fraction: digits.slice(point).replace(/0+$/, ""),
  };
}
