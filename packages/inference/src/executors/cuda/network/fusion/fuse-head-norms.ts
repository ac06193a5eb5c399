import { normRotateAppend } from "../../kernels/manifests/norm-rotate-append.ts";
import { cacheOperands } from "../attention/attention-request.ts";
import { addressOf, launchOf } from "../launch.ts";
import type { Fusion, NetworkOperation } from "../network-operation.ts";
import { type AddressOperand, type DeviceValue, rowCount } from "../program.ts";
import { placeOperands } from "../rotate-launch.ts";
import { fusedOperation } from "./fused-operation.ts";
import { createFusion } from "./fuse-operations.ts";
import type { ValueUses } from "./value-uses.ts";

const pageTokens = 16;
const headsOfBlock = 4;

/** A root mean square norm of each head. */
interface HeadNorm {
  readonly operation: NetworkOperation;
  readonly x: DeviceValue;
  readonly weight: AddressOperand;
  readonly stride: number;
  readonly epsilon: number;
}

/** Norms of the heads of queries, keys or both that nothing else reads, their rotation, and keys and values to pages. */
export const fuseHeadNorms: Fusion = createFusion((rotate, uses) => {
  if (rotate.detail?.kind !== "rotation") return undefined;
  const { rotated, q, k, v, options, pages } = rotate.detail;
  const { layerIndex, headCount, kvHeadCount, headDim, rotary, queryScaling } = options;
  if (pages.pageTokens !== pageTokens || headDim % 2 !== 0) return undefined;
  const normOf = (value: DeviceValue): HeadNorm | undefined => headNorm(value, { headDim, rotate, uses });
  const norms = { q: normOf(q), k: normOf(k) };
  const one = norms.q ?? norms.k;
  if (one === undefined) return undefined;
  // The kernel takes one stride and one epsilon.
  const isLike = ({ stride, epsilon }: HeadNorm): boolean => stride === one.stride && epsilon === one.epsilon;
  if (norms.k !== undefined && !isLike(norms.k)) return undefined;
  const from = { q: norms.q?.x ?? q, k: norms.k?.x ?? k };
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const scales =
    pages.dtype === "i8" ? ([keyScales, valueScales] as const) : ([undefined, undefined] as const);
  const launch = launchOf(normRotateAppend, `norm_rotate_append_${pages.dtype}`, {
    grid: (shape) => [rowCount(q.rows, shape), Math.ceil((headCount + 2 * kvHeadCount) / headsOfBlock), 1],
    block: 32 * headsOfBlock,
    operands: [
      addressOf(rotated),
      keys,
      values,
      ...scales,
      addressOf(from.q),
      addressOf(from.k),
      addressOf(v),
      norms.q?.weight,
      norms.k?.weight,
      ...placeOperands(rotary),
      pages.tableStride,
      headCount,
      kvHeadCount,
      headDim,
      rotary?.dim ?? 0,
      rotary?.isInterleaved === true ? 1 : 0,
      one.stride,
      one.epsilon,
      queryScaling?.beta ?? 0,
      queryScaling?.originalContextTokens ?? 0,
    ],
  });
  const absorbed = [norms.q, norms.k].flatMap((norm) => (norm === undefined ? [] : [norm.operation]));
  return {
    fused: fusedOperation(launch, { reads: [from.q, from.k, v], writes: [rotated] }),
    at: rotate,
    absorbed,
  };
});

function headNorm(
  value: DeviceValue,
  {
    headDim,
    rotate,
    uses,
  }: { readonly headDim: number; readonly rotate: NetworkOperation; readonly uses: ValueUses },
): HeadNorm | undefined {
  const operation = uses.writerOf(value);
  if (operation?.detail?.kind !== "norm" || !uses.isReadOnlyBy(value, rotate)) return undefined;
  const { x, weights, style } = operation.detail;
  const { weight, bias, size, isOfGroups } = weights;
  if (style.kind !== "rms" || bias !== undefined || size !== headDim) return undefined;
  const { epsilon } = style;
  const operand = { kind: "vector", vector: weight } as const;
  return { operation, x, weight: operand, stride: isOfGroups ? size : 0, epsilon };
}
