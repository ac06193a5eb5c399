import { choice, type Expression, type Range, sequence } from "../program/expression.ts";
import type { CodePoints } from "./code-points.ts";

/** The last code point that UTF-8 writes in so many bytes. */
const lastOfLength = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The first byte's marker, by the number of bytes that follow. */
const leadBits = [0, 0xc0, 0xe0, 0xf0];

/** One character of a set, as UTF-8. */
export function encodeCodePoints(points: CodePoints): Expression {
  const single: Range[] = [];
  const options: Expression[] = [];
  for (const [low, high] of points) {
    let start = low;
    for (const [index, last] of lastOfLength.entries()) {
      if (start > high || start > last) continue;
      const end = Math.min(high, last);
      if (index === 0) single.push([start, end]);
      else for (const bytes of splitByBytes(start, end, index)) options.push(toExpression(bytes));
      start = end + 1;
    }
  }
  if (single.length > 0) options.unshift({ kind: "bytes", ranges: single });
  return choice(...options);
}

function toExpression(bytes: readonly Range[]): Expression {
  return sequence(...bytes.map((range): Expression => ({ kind: "bytes", ranges: [range] })));
}

/** Splits a range of code points of one length into products of ranges of bytes. */
function splitByBytes(low: number, high: number, continuations: number): Range[][] {
  for (let position = 1; position <= continuations; position += 1) {
    const mask = 64 ** position - 1;
    if (Math.floor(low / (mask + 1)) === Math.floor(high / (mask + 1))) continue;
    const lowRest = low % (mask + 1);
    if (lowRest !== 0) {
      const cut = low - lowRest + mask;
      return [...splitByBytes(low, cut, continuations), ...splitByBytes(cut + 1, high, continuations)];
    }
    const highRest = high % (mask + 1);
    if (highRest !== mask) {
      const cut = high - highRest;
      return [...splitByBytes(low, cut - 1, continuations), ...splitByBytes(cut, high, continuations)];
    }
  }
  const lows = encode(low, continuations);
  const highs = encode(high, continuations);
  return [lows.map((byte, index): Range => [byte, highs[index]!])];
}

function encode(point: number, continuations: number): number[] {
  const bytes: number[] = [];
  let rest = point;
  for (let index = 0; index < continuations; index += 1) {
    bytes.unshift(0x80 | (rest & 0x3f));
    rest >>>= 6;
  }
  return [leadBits[continuations]! | rest, ...bytes];
}
