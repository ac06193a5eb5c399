import { ModelError } from "../../errors.ts";
import type { TensorInfo } from "../../weights/stored-weight.ts";

/** The tensors of a checkpoint. */
interface NamedTensors {
  /** By their names in the network. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Names of the others. */
  readonly others: readonly string[];
}

/** Names tensors as the network does. @throws ModelError `TENSOR_DUPLICATED` */
export function nameTensors(
  stored: ReadonlyMap<string, TensorInfo>,
  nameOf: (stored: string) => string | undefined,
): NamedTensors {
  const tensors = new Map<string, TensorInfo>();
  const others: string[] = [];
  for (const [storedName, tensor] of stored) {
    const name = nameOf(storedName);
    const other = name === undefined ? undefined : tensors.get(name);
    if (other !== undefined) {
      const mismatch = { expected: `one tensor for ${name}`, got: `${other.name}, too` };
      throw new ModelError("TENSOR_DUPLICATED", mismatch, { file: tensor.filePath, tensor: tensor.name });
    }
    if (name === undefined) others.push(storedName);
    else tensors.set(name, tensor);
  }
  return { tensors, others };
}
