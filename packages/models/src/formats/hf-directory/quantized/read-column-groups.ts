import { ModelError } from "../../../errors.ts";
import type { TensorInfo } from "../../../weights/stored-weight.ts";
import { assertTensor } from "./assert-tensor.ts";

/**
 * Reads the group of each column of an act-order weight. `undefined` where neighbours are a group, as they are without
 * act-order, where some programs leave the tensor empty: all its numbers are the same.
 * @throws ModelError `INVALID_QUANTIZATION` where groups are not all of one size
 */
export async function readColumnGroups(
  tensor: TensorInfo,
  { shape, groupSize }: { readonly shape: readonly number[]; readonly groupSize: number },
  read: (tensor: TensorInfo) => Promise<Uint8Array>,
): Promise<Int32Array | undefined> {
  const [, columns = 0] = shape;
  assertTensor(tensor, ["I32"], [columns]);
  const { buffer } = await read(tensor);
  const groups = new Int32Array(buffer);
  const [first] = groups;
  if (
    groups.every((group) => group === first) ||
    groups.every((group, at) => group === Math.floor(at / groupSize))
  ) {
    return undefined;
  }
  const counts = new Int32Array(columns / groupSize);
  for (const [column, group] of groups.entries()) {
    if (group >= 0 && group < counts.length) counts[group]! += 1;
    else throw invalid(tensor, `groups from 0 to ${counts.length - 1}`, `${group} for column ${column}`);
  }
  const unequal = counts.findIndex((count) => count !== groupSize);
  if (unequal < 0) return groups;
  throw invalid(tensor, `${groupSize} columns in each group`, `${counts[unequal]} in group ${unequal}`);
}

function invalid(tensor: TensorInfo, expected: string, got: string): ModelError {
  return new ModelError(
    "INVALID_QUANTIZATION",
    { expected, got },
    { file: tensor.filePath, tensor: tensor.name },
  );
}
