import { InferenceError } from "../../../errors.ts";
import { embed } from "../kernels/manifests/embed.ts";
import { addressOf, countsOf, launchOf, perRow } from "./launch.ts";
import type { AddressOperand, DeviceValue, KernelLaunch } from "./program.ts";
import type { MatrixWeight, TensorUse } from "./weight-uses.ts";

/** Rows of a table, however it is stored. */
export function embedLaunch(
  out: DeviceValue,
  { encoding, parts }: MatrixWeight,
  { indices, name }: { readonly indices: AddressOperand; readonly name: string },
): KernelLaunch {
  const [data, scales, zeroPoints, minima, columnOrder] = parts.map(tensorOperand);
  const target = addressOf(out);
  if (encoding.kind === "dense" && !encoding.isTransposed) {
    const operands = [target, data, indices, countsOf(out), out.width] as const;
    return launchOf(embed, `embed_${encoding.dtype}`, { ...perRow(out), operands });
  }
  if (encoding.kind === "blocks" && columnOrder === undefined) {
    const { bits, blockSize } = encoding;
    const blocks = Math.ceil(out.width / blockSize);
    const table = [target, data, scales, zeroPoints, minima] as const;
    const operands = [...table, indices, countsOf(out), out.width, blockSize, blocks] as const;
    return launchOf(embed, `embed_q${bits}`, { ...perRow(out), operands });
  }
  const expected = "an embedding stored by row, with its columns in order";
  throw new InferenceError("UNSUPPORTED_MODEL", { field: name, expected, got: "another order" });
}

function tensorOperand(tensor: TensorUse | undefined): AddressOperand {
  return tensor && { kind: "tensor", tensor };
}
