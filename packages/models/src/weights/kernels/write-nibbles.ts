import {
  type Code,
  f32,
  f32x4,
  FunctionWriter,
  i16x8,
  i32,
  i32x4,
  i8x16,
  type Local,
  repeat,
  v128,
} from "./assembler.ts";

/** How many steps there are between the least and the largest number: those that together come nearest to a search. */
const stepCounts = [15 / 0.975, 15 / 1.05, 15 / 0.925] as const;
const largestLevel = 15;

/** Added to a number of steps, it rounds it to a whole one, which is then in the lowest bits. */
const rounder = 1.5 * 2 ** 23;
const magnitudeBits = 0x7fff_ffff;
/** Blocks whose numbers lie closer together are zero: their steps per number may be infinite. */
const leastRange = 2 ** -100;
const vectorBytes = 16;

/** A number of steps, and for its integers the sums that say how good it is. */
interface Candidate {
  readonly steps: number;
  readonly cross: Local;
  readonly square: Local;
}

/**
 * `(at, end, blockBytes, out, scales, zeroPoints)`: makes integers of 4 bits of blocks of float32, whose length is a
 * multiple of 32, and for each block a scale and a byte with its zero point. Of several numbers of steps the one whose
 * integers have the least error is taken, where the square of an error is weighted with the magnitude of its number. For
 * some integers, the scale with the least error is cross / square, and takes cross² / square away from the error; cross
 * is the weighted sum of products of numbers and integers, square that of squares of integers. The scale is not finite
 * where a number is not.
 */
export function writeNibbleBlocks(): FunctionWriter {
  const writer = new FunctionWriter("i32", "i32", "i32", "i32", "i32", "i32");
  const [at, end, blockBytes, out, scales, zeroPoints] = writer.parameters as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const integer = (): Local => writer.local("i32");
  const float = (): Local => writer.local("f32");
  const vector = (): Local => writer.local("v128");
  const [blockEnd, cursor] = [integer(), integer()];
  const [magnitudes, least, most] = [vector(), vector(), vector()];
  const [largest, range, zeroPoint] = [float(), float(), float()];
  const [perRange, lower, upper] = [vector(), vector(), vector()];
  const [x, magnitude, q, weighted, pair] = [vector(), vector(), vector(), vector(), vector()];
  const [cross, square, score] = [float(), float(), float()];
  const [bestCross, bestSquare, bestScore, bestSteps] = [float(), float(), float(), float()];
  const candidates = stepCounts.map((steps): Candidate => ({
    steps,
    cross: writer.local("v128"),
    square: writer.local("v128"),
  }));

  const advance = (local: Local, bytes: number): Code => local.set(i32.add(local.get, i32.const(bytes)));
  const forBlock = (...body: readonly Code[]): Code =>
    [cursor.set(at.get), repeat(body, i32.isLess(cursor.get, blockEnd.get))].flat();
  const merge = (vector: Local, combine: (a: Code, b: Code) => Code): Code =>
    [[2, 3, 0, 1] as const, [1, 0, 3, 2] as const].flatMap((lanes) =>
      vector.set(combine(vector.get, v128.shuffle(vector.get, lanes))),
    );
  /** In parts of the range. */
  const load = (offset: number): Code => f32x4.multiply(v128.load(offset, cursor.get), perRange.get);
  const round = (value: Code): Code =>
    f32x4.subtract(f32x4.add(value, f32x4.const(rounder)), f32x4.const(rounder));
  const levelOf = (value: Code, steps: Code): Code =>
    f32x4.least(f32x4.largest(round(f32x4.multiply(value, steps)), lower.get), upper.get);

  const findRange = [
    ...[magnitudes, least, most].map((each) => each.set(v128.const(0))),
    forBlock(
      x.set(v128.load(0, cursor.get)),
      magnitudes.set(i32x4.max(magnitudes.get, v128.and(x.get, v128.const(magnitudeBits)))),
      least.set(f32x4.least(least.get, x.get)),
      most.set(f32x4.largest(most.get, x.get)),
      advance(cursor, vectorBytes),
    ),
    merge(magnitudes, i32x4.max),
    merge(least, f32x4.least),
    merge(most, f32x4.largest),
    largest.set(f32.ofBits(i32x4.lane(magnitudes.get, 0))),
    range.set(f32.subtract(f32x4.lane(most.get, 0), f32x4.lane(least.get, 0))),
    perRange.set(
      f32x4.splat(
        f32.select(
          f32.divide(f32.const(1), range.get),
          f32.const(0),
          f32.isGreater(range.get, f32.const(leastRange)),
        ),
      ),
    ),
    // As many steps below zero as the least number takes.
    lower.set(round(f32x4.multiply(f32x4.multiply(least.get, perRange.get), f32x4.const(largestLevel)))),
    upper.set(f32x4.add(lower.get, f32x4.const(largestLevel))),
    zeroPoint.set(f32.negate(f32x4.lane(lower.get, 0))),
    i32.store8(0, zeroPoints.get, f32.toInteger(zeroPoint.get)),
    advance(zeroPoints, 1),
  ];
  const sumUp = [
    ...candidates.flatMap((each) => [each.cross.set(v128.const(0)), each.square.set(v128.const(0))]),
    forBlock(
      x.set(load(0)),
      magnitude.set(v128.and(x.get, v128.const(magnitudeBits))),
      ...candidates.flatMap((each) => [
        q.set(levelOf(x.get, f32x4.const(each.steps))),
        weighted.set(f32x4.multiply(magnitude.get, q.get)),
        each.cross.set(f32x4.add(each.cross.get, f32x4.multiply(x.get, weighted.get))),
        each.square.set(f32x4.add(each.square.get, f32x4.multiply(weighted.get, q.get))),
      ]),
      advance(cursor, vectorBytes),
    ),
  ];
  const isBetter = f32.isGreater(score.get, bestScore.get);
  const keepBetter = (best: Local, value: Code): Code => best.set(f32.select(value, best.get, isBetter));
  const choose = [
    bestScore.set(f32.const(0)),
    bestCross.set(f32.const(0)),
    bestSquare.set(f32.const(1)),
    bestSteps.set(f32.const(0)),
    ...candidates.flatMap((each) => [
      merge(each.cross, f32x4.add),
      merge(each.square, f32x4.add),
      cross.set(f32x4.lane(each.cross.get, 0)),
      square.set(f32x4.lane(each.square.get, 0)),
      score.set(f32.divide(f32.multiply(cross.get, cross.get), square.get)),
      keepBetter(bestCross, cross.get),
      keepBetter(bestSquare, square.get),
      keepBetter(bestSteps, f32.const(each.steps)),
      // Last: it decides what the others become.
      keepBetter(bestScore, score.get),
    ]),
    f32.store(
      0,
      scales.get,
      f32.add(
        f32.multiply(f32.divide(bestCross.get, bestSquare.get), range.get),
        // NaN where a number is not finite.
        f32.multiply(largest.get, f32.const(0)),
      ),
    ),
    advance(scales, 4),
  ];
  /** Of each four numbers the integers, from 0 to 15. */
  const integers = (offset: number): Code =>
    v128.and(
      f32x4.add(
        f32x4.subtract(levelOf(load(offset), f32x4.splat(bestSteps.get)), lower.get),
        f32x4.const(rounder),
      ),
      v128.const(15),
    );
  /** Of eight numbers four bytes, in lanes of 32 bits; the low half comes first. */
  const bytes = (offset: number): Code => [
    ...pair.set(i16x8.narrow(integers(offset), integers(offset + vectorBytes))),
    ...v128.and(v128.or(pair.get, i32x4.shiftRight(pair.get, i32.const(12))), v128.const(255)),
  ];
  const writeBlock = forBlock(
    v128.store(
      0,
      out.get,
      i8x16.narrowUnsigned(i16x8.narrow(bytes(0), bytes(32)), i16x8.narrow(bytes(64), bytes(96))),
    ),
    advance(out, 16),
    advance(cursor, 8 * vectorBytes),
  );
  return writer.write(
    repeat(
      [
        blockEnd.set(i32.add(at.get, blockBytes.get)),
        ...findRange,
        ...sumUp,
        ...choose,
        writeBlock,
        at.set(blockEnd.get),
      ],
      i32.isLess(at.get, end.get),
    ),
  );
}
