import { open } from "node:fs/promises";
import type { TensorDtype, TensorInfo } from "@infernode/models";
import { InferenceError, reasonOf } from "../errors.ts";

const chunkBytes = 4 * 2 ** 20;
const namedCount = 3;

/** A number is NaN or infinite when all bits of its exponent are set. */
interface NumberFormat {
  readonly sizeBytes: 2 | 4;
  readonly exponentMask: number;
  readonly fractionMask: number;
}

const formats: Partial<Record<TensorDtype, NumberFormat>> = {
  F32: { sizeBytes: 4, exponentMask: 0x7f80_0000, fractionMask: 0x007f_ffff },
  F16: { sizeBytes: 2, exponentMask: 0x7c00, fractionMask: 0x03ff },
  BF16: { sizeBytes: 2, exponentMask: 0x7f80, fractionMask: 0x007f },
};

/** The numbers of a tensor that are not finite. */
interface NonFiniteTensor {
  readonly tensor: TensorInfo;
  firstIndex: number;
  nanCount: number;
  infiniteCount: number;
}

/**
 * Reads the stored numbers of tensors in parts, and refuses tensors with NaN or infinite ones: the logits of every
 * request would be NaN.
 *
 * @throws InferenceError `NON_FINITE_WEIGHTS` with the tensors' names, `EXECUTOR_FAILED` for a file that cannot be read
 */
export async function assertFiniteWeights(tensors: Iterable<TensorInfo>): Promise<void> {
  const byFile = groupByFile(tensors);
  const nonFinite: NonFiniteTensor[] = [];
  for (const [filePath, inFile] of byFile) {
    try {
      nonFinite.push(...(await scanFile(filePath, inFile)));
    } catch (cause) {
      const message = `the weight file ${filePath} cannot be read: ${reasonOf(cause)}`;
      throw new InferenceError("EXECUTOR_FAILED", message, { cause });
    }
  }
  if (nonFinite.length === 0) return;
  const more = nonFinite.length > namedCount ? `; ${nonFinite.length - namedCount} more tensors` : "";
  const named = nonFinite.slice(0, namedCount).map(describeTensor).join("; ");
  throw new InferenceError("NON_FINITE_WEIGHTS", { expected: "finite weights", got: `${named}${more}` });
}

async function scanFile(filePath: string, tensors: readonly TensorInfo[]): Promise<NonFiniteTensor[]> {
  const file = await open(filePath);
  const buffer = new ArrayBuffer(chunkBytes);
  try {
    const nonFinite: NonFiniteTensor[] = [];
    for (const tensor of tensors) {
      const format = formats[tensor.dtype];
      if (format === undefined) continue;
      const counts: NonFiniteTensor = { tensor, firstIndex: -1, nanCount: 0, infiniteCount: 0 };
      for (let start = tensor.startByte; start < tensor.endByte; start += chunkBytes) {
        const length = Math.min(chunkBytes, tensor.endByte - start);
        const { bytesRead } = await file.read(new Uint8Array(buffer, 0, length), 0, length, start);
        if (bytesRead < length) {
          throw new Error(`it ends at byte ${start + bytesRead}, within ${tensor.name}`);
        }
        const numbers =
          format.sizeBytes === 4
            ? new Uint32Array(buffer, 0, length / 4)
            : new Uint16Array(buffer, 0, length / 2);
        if (!areFinite(numbers, format.exponentMask)) {
          countNonFinite(counts, numbers, {
            ...format,
            startIndex: (start - tensor.startByte) / format.sizeBytes,
          });
        }
      }
      if (counts.firstIndex >= 0) nonFinite.push(counts);
    }
    return nonFinite;
  } finally {
    await file.close();
  }
}

// A function of its own: the loop over every weight of a model is compiled separately.
function areFinite(numbers: Uint32Array | Uint16Array, exponentMask: number): boolean {
  for (let at = 0; at < numbers.length; at += 1) {
    if ((numbers[at]! & exponentMask) === exponentMask) return false;
  }
  return true;
}

function countNonFinite(
  counts: NonFiniteTensor,
  numbers: Uint32Array | Uint16Array,
  format: NumberFormat & { readonly startIndex: number },
): void {
  const { exponentMask, fractionMask, startIndex } = format;
  for (let at = 0; at < numbers.length; at += 1) {
    const bits = numbers[at]!;
    if ((bits & exponentMask) !== exponentMask) continue;
    if (counts.firstIndex < 0) counts.firstIndex = startIndex + at;
    if ((bits & fractionMask) === 0) counts.infiniteCount += 1;
    else counts.nanCount += 1;
  }
}

function describeTensor({ tensor, firstIndex, nanCount, infiniteCount }: NonFiniteTensor): string {
  const kinds = [nanCount > 0 ? `${nanCount} NaN` : "", infiniteCount > 0 ? `${infiniteCount} infinite` : ""];
  const counted = kinds.filter((kind) => kind !== "").join(" and ");
  return `${counted} in ${tensor.name} (${tensor.dtype}, ${tensor.filePath}), first at index ${firstIndex}`;
}

function groupByFile(tensors: Iterable<TensorInfo>): Map<string, TensorInfo[]> {
  const byFile = new Map<string, TensorInfo[]>();
  for (const tensor of tensors) {
    const inFile = byFile.get(tensor.filePath);
    if (inFile === undefined) byFile.set(tensor.filePath, [tensor]);
    else inFile.push(tensor);
  }
  return byFile;
}
