import { f32x4, FunctionWriter, i32, repeat, v128, type Code, type Local } from "./assembler.ts";

const signBit = 0x8000_0000;

/**
 * `(at, end)`: multiplies each block of `size` numbers with the Hadamard matrix of that size, divided by the root of the
 * size. A block is held in registers.
 */
export function rotateBlocks(size: 16 | 32 | 64): FunctionWriter {
  const writer = new FunctionWriter("i32", "i32");
  const [at, end] = writer.parameters as [Local, Local];
  const vectors = Array.from({ length: size / 4 }, () => writer.local("v128"));
  const sum = writer.local("v128");
  const factor = f32x4.const(1 / Math.sqrt(size));
  const code: Code[] = [];
  for (const [index, vector] of vectors.entries()) {
    const { get, set } = vector;
    code.push(
      set(f32x4.multiply(v128.load(16 * index, at.get), factor)),
      // a + b, a − b, c + d, c − d
      set(
        f32x4.add(
          v128.shuffle(get, [0, 0, 2, 2]),
          v128.xor(v128.shuffle(get, [1, 1, 3, 3]), v128.constLanes([0, signBit, 0, signBit])),
        ),
      ),
      // a + c, b + d, a − c, b − d
      set(
        f32x4.add(
          v128.shuffle(get, [0, 1, 0, 1]),
          v128.xor(v128.shuffle(get, [2, 3, 2, 3]), v128.constLanes([0, 0, signBit, signBit])),
        ),
      ),
    );
  }
  for (let half = 1; half < vectors.length; half *= 2) {
    for (const [index, a] of vectors.entries()) {
      const b = vectors[index + half];
      if ((index & half) !== 0 || b === undefined) continue;
      code.push(sum.set(f32x4.add(a.get, b.get)), b.set(f32x4.subtract(a.get, b.get)), a.set(sum.get));
    }
  }
  for (const [index, vector] of vectors.entries()) code.push(v128.store(16 * index, at.get, vector.get));
  code.push(at.set(i32.add(at.get, i32.const(4 * size))));
  return writer.write(repeat(code, i32.isLess(at.get, end.get)));
}
