/** `x · wᵀ + bias` in float64: `(rows, k)` and `(n, k)` → `(rows, n)`. */
export function exactProduct(
  x: Float64Array,
  w: Float64Array,
  { n, k, bias }: { readonly n: number; readonly k: number; readonly bias?: Float64Array },
): Float64Array {
  return Float64Array.from({ length: (x.length / k) * n }, (_, at) => {
    const [row, i] = [Math.floor(at / n), at % n];
    let sum = bias?.[i] ?? 0;
    for (let j = 0; j < k; j += 1) sum += w[i * k + j]! * x[row * k + j]!;
    return sum;
  });
}

/** The arguments of a launch of one product, where it could compute up to three. */
export const noFurther = [0n, 0, 0n, 0] as const;
