import { configLimits } from "../../config/config-limits.ts";
import { ModelError } from "../../errors.ts";
import { shapeText } from "../../weights/shape.ts";
import type { PlacedTensor } from "./open-gguf-files.ts";

/** A tensor of a file, or a part of one, under its name in the network. */
type NamedTensor = readonly [name: string, tensor: PlacedTensor];

/**
 * Names what one tensor of a file is in the network: itself, or the matrices of all experts, which are behind one another
 * in it. A gate, which is a matrix of one row, is stored as a vector.
 *
 * @throws ModelError `TENSOR_SHAPE_MISMATCH`
 */
export function splitExperts(name: string, tensor: PlacedTensor): readonly NamedTensor[] {
  const { shape, startByte, endByte } = tensor;
  if (name.endsWith("_gate.weight") && shape.length === 1) {
    return [[name, { ...tensor, shape: [1, ...shape] }]];
  }
  if (!name.includes("*")) return [[name, tensor]];
  const [count = 0] = shape;
  const dimensions = name.endsWith(".bias") ? 2 : 3;
  if (shape.length !== dimensions || count > configLimits.experts) {
    const expected = `(experts, ${dimensions === 2 ? "rows" : "rows, columns"}) of at most ${configLimits.experts} experts`;
    const place = { file: tensor.filePath, tensor: tensor.name };
    throw new ModelError("TENSOR_SHAPE_MISMATCH", { expected, got: shapeText(shape) }, place);
  }
  const sizeBytes = (endByte - startByte) / count;
  return Array.from({ length: count }, (_, index) => [
    name.replace("*", String(index)),
    {
      ...tensor,
      name: `${tensor.name}[${index}]`,
      shape: shape.slice(1),
      startByte: startByte + index * sizeBytes,
      endByte: startByte + (index + 1) * sizeBytes,
    },
  ]);
}
