import { f32x4, FunctionWriter, i32, i32x4, repeat, v128, type Code } from "./assembler.ts";

/** `(from, to, end)`: numbers of 16 bits become float32, four at a time, until `to` is `end`. */
function decodeHalves(decode: (halves: Code) => Code): FunctionWriter {
  const writer = new FunctionWriter("i32", "i32", "i32");
  const [from, to, end] = writer.parameters as [Parameter, Parameter, Parameter];
  return writer.write(
    repeat(
      [
        v128.store(0, to.get, decode(v128.load16x4(0, from.get))),
        from.set(i32.add(from.get, i32.const(8))),
        to.set(i32.add(to.get, i32.const(16))),
      ],
      i32.isLess(to.get, end.get),
    ),
  );
}

type Parameter = FunctionWriter["parameters"][number];

export function decodeBfloat16(): FunctionWriter {
  return decodeHalves((halves) => i32x4.shiftLeft(halves, i32.const(16)));
}

/** The exponent of a float16 is too small by this factor where its bits are those of a float32. */
const exponentFactor = 2 ** 112;

export function decodeFloat16(): FunctionWriter {
  return decodeHalves((halves) => {
    const magnitude = v128.and(halves, v128.const(0x7fff));
    const number = f32x4.multiply(i32x4.shiftLeft(magnitude, i32.const(13)), f32x4.const(exponentFactor));
    const isSpecial = i32x4.isGreater(magnitude, v128.const(0x7bff));
    const infinity = v128.and(isSpecial, v128.const(0x7f80_0000));
    const sign = i32x4.shiftLeft(v128.and(halves, v128.const(0x8000)), i32.const(16));
    return v128.or(v128.or(number, infinity), sign);
  });
}
