import {
  f32,
  f32x4,
  FunctionWriter,
  i16x8,
  i32,
  i32x4,
  i8x16,
  repeat,
  v128,
  type Code,
  type Local,
} from "./assembler.ts";

/** Added to a number of steps, it rounds it to a whole one, which is then in the lowest bits. */
const rounder = 1.5 * 2 ** 23;
const rounderBits = 0x4b40_0000;
const magnitudeBits = 0x7fff_ffff;
/** Blocks whose numbers are all smaller are zero: their steps per number may be infinite. */
const leastMagnitude = 2 ** -100;
const largestByte = 127;

/**
 * `(at, end, blockBytes, out, scales, flippedBits)`: makes bytes of blocks of float32, whose length is a multiple of 16,
 * and a scale for each: the largest magnitude becomes 127. The scale is not finite where a number is not.
 */
export function writeByteBlocks(): FunctionWriter {
  const writer = new FunctionWriter("i32", "i32", "i32", "i32", "i32", "i32");
  const [at, end, blockBytes, out, scales, flippedBits] = writer.parameters as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const blockEnd = writer.local("i32");
  const cursor = writer.local("i32");
  const magnitudes = writer.local("v128");
  const largest = writer.local("f32");
  const inverse = writer.local("v128");
  const flipped = writer.local("v128");
  const advance = (local: Local, bytes: number): Code => local.set(i32.add(local.get, i32.const(bytes)));
  const isInBlock = i32.isLess(cursor.get, blockEnd.get);

  // Of numbers without a sign, the larger one has the larger bits; NaN and infinity have the largest.
  const findLargest = repeat(
    [
      ...[0, 16, 32, 48].map((offset) =>
        magnitudes.set(
          i32x4.max(magnitudes.get, v128.and(v128.load(offset, cursor.get), v128.const(magnitudeBits))),
        ),
      ),
      advance(cursor, 64),
    ],
    isInBlock,
  );
  const mergeLanes = [[2, 3, 0, 1] as const, [1, 0, 3, 2] as const].map((lanes) =>
    magnitudes.set(i32x4.max(magnitudes.get, v128.shuffle(magnitudes.get, lanes))),
  );
  const steps = (offset: number): Code =>
    i32x4.subtract(
      f32x4.add(f32x4.multiply(v128.load(offset, cursor.get), inverse.get), f32x4.const(rounder)),
      v128.const(rounderBits),
    );
  const writeBlock = repeat(
    [
      v128.store(
        0,
        out.get,
        v128.xor(
          i8x16.narrow(i16x8.narrow(steps(0), steps(16)), i16x8.narrow(steps(32), steps(48))),
          flipped.get,
        ),
      ),
      advance(out, 16),
      advance(cursor, 64),
    ],
    isInBlock,
  );
  return writer.write(
    flipped.set(i8x16.splat(flippedBits.get)),
    repeat(
      [
        blockEnd.set(i32.add(at.get, blockBytes.get)),
        cursor.set(at.get),
        magnitudes.set(v128.const(0)),
        findLargest,
        ...mergeLanes,
        largest.set(f32.ofBits(i32x4.lane(magnitudes.get, 0))),
        inverse.set(
          f32x4.splat(
            f32.select(
              f32.divide(f32.const(largestByte), largest.get),
              f32.const(0),
              f32.isGreater(largest.get, f32.const(leastMagnitude)),
            ),
          ),
        ),
        f32.store(0, scales.get, f32.divide(largest.get, f32.const(largestByte))),
        advance(scales, 4),
        cursor.set(at.get),
        writeBlock,
        at.set(blockEnd.get),
      ],
      i32.isLess(at.get, end.get),
    ),
  );
}
